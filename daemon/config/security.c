/* Do the keys of security go together, and does no secret stand in the configuration? Reads no secret and opens no connection. */
#include <strings.h>

#include "crmpulse/listen.h"
#include "loader.h"

static bool given(const char *text)
{
    return text && *text;
}

static bool has(const char *security, const char *part)
{
    return given(security) && strstr(security, part);
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------------------------------------- */

static bool is_rediss(const struct config *c)
{
    const char *urls = given(c->redis.sentinels) ? c->redis.sentinels : c->redis.url;
    return given(urls) && strncmp(urls, "rediss://", 9) == 0;
}

static bool tls_not_built(const struct config *c)
{
    return is_rediss(c) && !CRMPULSE_REDIS_TLS;
}

static bool url_with_password(const struct config *c)
{
    return given(c->redis.url) && strncmp(c->redis.url, "unix:", 5) != 0 && strchr(c->redis.url, '@');
}

static bool user_without_password(const struct config *c)
{
    return given(c->redis.user) && !given(c->redis.password_file);
}

static bool sentinels_without_master(const struct config *c)
{
    return given(c->redis.sentinels) != given(c->redis.master);
}

static bool sentinel_password_alone(const struct config *c)
{
    return given(c->redis.sentinel_password_file) && !given(c->redis.sentinels);
}

static bool sentinels_and_cluster(const struct config *c)
{
    return given(c->redis.sentinels) && c->redis.cluster;
}

static bool redis_cert_alone(const struct config *c)
{
    return given(c->redis.tls_cert) != given(c->redis.tls_key);
}

static bool redis_without_tls(const struct config *c)
{
    return !is_rediss(c) &&
           (given(c->redis.tls_ca) || given(c->redis.tls_cert) || given(c->redis.tls_key) || given(c->redis.tls_name));
}

static bool sasl_without_user(const struct config *c)
{
    return has(c->kafka.security, "sasl") && (!given(c->kafka.sasl_user) || !given(c->kafka.sasl_password_file));
}

static bool user_without_sasl(const struct config *c)
{
    return !has(c->kafka.security, "sasl") && (given(c->kafka.sasl_user) || given(c->kafka.sasl_password_file));
}

static bool kafka_cert_alone(const struct config *c)
{
    return given(c->kafka.tls_cert) != given(c->kafka.tls_key);
}

static bool kafka_without_tls(const struct config *c)
{
    return !has(c->kafka.security, "ssl") && (given(c->kafka.tls_ca) || given(c->kafka.tls_cert) ||
                                              given(c->kafka.tls_key) || given(c->kafka.tls_key_password_file));
}

static bool password_in_the_clear(const struct config *c)
{
    return has(c->kafka.security, "sasl_plaintext") && has(c->kafka.sasl_mechanism, "PLAIN");
}

static bool listen_malformed(const struct config *c)
{
    struct listen_address a;
    return given(c->http.listen) && listen_parse(c->http.listen, &a) < 0;
}

static bool open_to_all(const struct config *c)
{
    struct listen_address a;
    return given(c->http.listen) && listen_parse(c->http.listen, &a) == 0 && !a.local && !given(c->http.token_file) &&
           !c->http.n_orgs;
}

static const struct {
    const char *section;
    const char *const names[5]; /* the problem is shown at the first of them that is given */
    bool (*is_wrong)(const struct config *c);
    bool warning;
    const char *message;
} checks[] = {
    { "redis",
      { "sentinels", "url" },
      tls_not_built,
      false,
      "rediss:// needs hiredis 1.0 or later with TLS, this crmpulse was built without it (cmake "
      "-DCRMPULSE_LIBS=newest)" },
    { "redis",
      { "sentinels", "master" },
      sentinels_without_master,
      false,
      "redis.sentinels and redis.master need each other" },
    { "redis",
      { "sentinel_password_file" },
      sentinel_password_alone,
      false,
      "redis.sentinel_password_file has no effect without redis.sentinels" },
    { "redis",
      { "cluster" },
      sentinels_and_cluster,
      false,
      "redis.cluster and redis.sentinels exclude each other: a cluster fails over by itself" },
    { "redis",
      { "url" },
      url_with_password,
      false,
      "redis.url must not hold a user or password: use redis.user and redis.password_file" },
    { "redis", { "user" }, user_without_password, false, "redis.user needs redis.password_file" },
    { "redis", { "tls_cert", "tls_key" }, redis_cert_alone, false, "redis.tls_cert and redis.tls_key need each other" },
    { "redis",
      { "tls_ca", "tls_cert", "tls_key", "tls_name" },
      redis_without_tls,
      false,
      "redis.tls_* has no effect without rediss:// in redis.url" },
    { "kafka", { "security" }, sasl_without_user, false, "sasl needs kafka.sasl_user and kafka.sasl_password_file" },
    { "kafka",
      { "sasl_user", "sasl_password_file" },
      user_without_sasl,
      false,
      "kafka.sasl_* has no effect unless kafka.security is sasl_ssl or sasl_plaintext" },
    { "kafka", { "tls_cert", "tls_key" }, kafka_cert_alone, false, "kafka.tls_cert and kafka.tls_key need each other" },
    { "kafka",
      { "tls_ca", "tls_cert", "tls_key", "tls_key_password_file" },
      kafka_without_tls,
      false,
      "kafka.tls_* has no effect unless kafka.security is sasl_ssl or ssl" },
    { "http",
      { "listen" },
      listen_malformed,
      false,
      "http.listen is ADDRESS:PORT with a numeric address or localhost, [V6]:PORT, or unix:/path" },
    { "http", { "listen" }, open_to_all, false, "http.listen is not a loopback address: http.token_file is needed" },
    { "kafka",
      { "security" },
      password_in_the_clear,
      true,
      "PLAIN over sasl_plaintext: whoever sees the network sees the password" },
};

void security_check(struct loader *l)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
        const struct node *at = NULL;
        for (int k = 0; !at && checks[i].names[k]; k++)
            at = keys_given_at(l, checks[i].section, checks[i].names[k]);
        if (at && checks[i].is_wrong(l->config))
            (checks[i].warning ? report_warning : report)(l, at, "%s", checks[i].message);
    }
}

/* ---- librdkafka's own properties --------------------------------------------------------------------------------------------------------------- */

static bool says_no(struct slice value)
{
    static const char *const words[] = { "false", "no", "off", "0", "none", NULL };
    for (int i = 0; words[i]; i++)
        if (value.n == strlen(words[i]) && strncasecmp(value.p, words[i], value.n) == 0)
            return true;
    return false;
}

static bool is_secret_property(const char *name)
{
    static const char *const parts[] = { "password", "passphrase", "secret", "key.pem", "oauthbearer.config", NULL };
    for (int i = 0; parts[i]; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

bool security_property(struct loader *l, const struct node *key, struct slice value)
{
    const char *name = key->text.p;
    if (is_secret_property(name)) {
        report(l, key, "'%s' is a secret: it comes from a file (kafka.sasl_password_file, kafka.tls_key_password_file)",
               name);
        return false;
    }
    if ((strcmp(name, "enable.ssl.certificate.verification") == 0 ||
         strcmp(name, "ssl.endpoint.identification.algorithm") == 0) &&
        says_no(value))
        report_warning(l, key, "'%s' is off: anybody may pretend to be the broker", name);
    return true;
}
