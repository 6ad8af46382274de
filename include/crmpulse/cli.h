/* The subcommands of crmpulse. Each takes its own argument vector (argv[0] is its name) and returns the exit code. */
#ifndef CRMPULSE_CLI_H
#define CRMPULSE_CLI_H

enum { CLI_TEST_FAILED = 2, CLI_USAGE = 64, CLI_CONFIG = 78 }; /* beside 0 and 1 (runtime) */

int cmd_run(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_tap(int argc, char **argv);
int cmd_notify(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_kpis(int argc, char **argv);
int cmd_appraise(int argc, char **argv);
int cmd_tco(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
