/* Addresses to listen on. */
#include <criterion/criterion.h>

#include "crmpulse/listen.h"

Test(listen, addresses)
{
    static const struct {
        const char *text;
        int family;
        bool local;
    } good[] = {
        { "127.0.0.1:9464", AF_INET, true }, { "127.1.2.3:1", AF_INET, true },  { "0.0.0.0:65535", AF_INET, false },
        { "192.0.2.1:80", AF_INET, false },  { "localhost:80", AF_INET, true }, { "[::1]:80", AF_INET6, true },
        { "[::]:80", AF_INET6, false },      { "unix:/run/x", AF_UNIX, true },
    };
    static const char *const bad[] = { "",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "127.0.0.1:0",
                                       "127.0.0.1:65536",
                                       "example.org:80",
                                       "::1:80",
                                       "[::1]",
                                       "[::1:80",
                                       "unix:x",
                                       "unix:",
                                       ":80",
                                       "[127.0.0.1]:80",
                                       "127.0.0.1:+80",
                                       "127.0.0.1:80 ",
                                       "[]:80" };
    struct listen_address a;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_expect(listen_parse(good[i].text, &a) == 0, "%s", good[i].text);
        cr_expect(a.at.ss_family == good[i].family && a.local == good[i].local && a.len > 0, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(listen_parse(bad[i], &a) < 0, "%s", bad[i]);
    char path[300] = "unix:/";
    memset(path + 6, 'x', 200);
    cr_expect(listen_parse(path, &a) < 0);
}
