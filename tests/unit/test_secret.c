/* Secrets from files: what is read, what is refused, and that messages never show them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crmpulse/secret.h"
#include "temp_name.h"

static char directory[128], path[256];

static void write_secret(const char *text, mode_t mode)
{
    temp_name(directory, sizeof directory, "secret");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/pw", directory);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    cr_assert_eq(chmod(path, mode), 0);
}

static void remove_secret(void)
{
    unlink(path);
    rmdir(directory);
}

static void check_read(const char *text, const char *want)
{
    struct secret s;
    char why[256] = "";
    write_secret(text, 0600);
    cr_assert_eq(secret_read(path, &s, why, sizeof why), 0, "%s", why);
    cr_assert_str_eq(s.text, want);
    secret_wipe(&s);
    for (size_t i = 0; i < sizeof s.text; i++)
        cr_assert_eq(s.text[i], 0);
    remove_secret();
}

static void check_refused(const char *text, mode_t mode, const char *reason)
{
    struct secret s;
    char why[256] = "", want[512];
    write_secret(text, mode);
    cr_assert_eq(secret_read(path, &s, why, sizeof why), -1);
    snprintf(want, sizeof want, "%s: %s", path, reason);
    cr_assert_str_eq(why, want);
    cr_assert_eq(s.text[0], 0, "what was read was left behind");
    remove_secret();
}

Test(secret, the_first_line_is_the_secret)
{
    check_read("hunter2", "hunter2");
    check_read("hunter2\n", "hunter2");
    check_read("two words \r\nmore\n", "two words ");
}

Test(secret, the_longest_one_fits)
{
    char text[SECRET_MAX + 1];
    memset(text, 'x', sizeof text);
    text[SECRET_MAX - 1] = '\0';
    check_read(text, text);
    text[SECRET_MAX - 1] = 'x';
    text[SECRET_MAX] = '\0';
    check_refused(text, 0600, "it is too long");
}

Test(secret, empty_or_open_files_are_refused)
{
    check_refused("", 0600, "it is empty");
    check_refused("\nsecond line\n", 0600, "it is empty");
    check_refused("hunter2", 0604, "everybody may use it; take that right away (chmod o=)");
    check_refused("hunter2", 0602, "everybody may use it; take that right away (chmod o=)");
    check_read("group may\n", "group may");
}

Test(secret, what_is_not_there_says_so)
{
    struct secret s;
    char why[256] = "";
    cr_assert_eq(secret_read("/nowhere/pw", &s, why, sizeof why), -1);
    cr_assert_str_eq(why, "/nowhere/pw: No such file or directory");
    cr_assert_eq(secret_read("/tmp", &s, why, sizeof why), -1);
    cr_assert_str_eq(why, "/tmp: it is no regular file");
    cr_assert_not(secret_named(""));
    cr_assert_not(secret_named(NULL));
    cr_assert(secret_named("x"));
}

Test(secret, a_credential_of_systemd)
{
    struct secret s;
    char why[256] = "";
    unsetenv("CREDENTIALS_DIRECTORY");
    cr_assert_eq(secret_read("credential:pw", &s, why, sizeof why), -1);
    cr_assert_str_eq(why, "credential:pw: there is no $CREDENTIALS_DIRECTORY (set by systemd with LoadCredential=)");
    write_secret("hunter2\n", 0400);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    cr_assert_eq(secret_read("credential:pw", &s, why, sizeof why), 0, "%s", why);
    cr_assert_str_eq(s.text, "hunter2");
    cr_assert_eq(secret_read("credential:../pw", &s, why, sizeof why), -1);
    cr_assert_str_eq(why, "credential:../pw: that is no name of a credential");
    cr_assert_eq(secret_read("credential:", &s, why, sizeof why), -1);
    remove_secret();
}
