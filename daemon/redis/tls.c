/* TLS on a connection to Redis. Does not read or write: hiredis does. */
#include "daemon/redis/tls.h"

#include <stdio.h>

#if CRMPULSE_REDIS_TLS
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* hiredis frees the SSL with the context; struct redis_tls is another name for it. */
static SSL *ssl_of(const struct redis_tls *tls)
{
    return (SSL *)(uintptr_t)tls;
}

/* A key with a password would make OpenSSL ask at the terminal. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)writing, (void)ctx;
    if (size > 0)
        buf[0] = '\0';
    return 0;
}

static bool given(const char *text)
{
    return text && *text;
}

/* What was refused, and OpenSSL's word for it; empties the thread's queue of errors, which hiredis does not. */
static bool fail(const char *what, const char *file, char *why, size_t cap)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(why, cap, "%s%s%s: %s", what, *file ? " " : "", file, reason ? reason : "unknown error");
    ERR_clear_error();
    return false;
}

static bool load_files(SSL_CTX *ctx, const struct config *c, char *why, size_t cap)
{
    if (given(c->redis.tls_ca) ? !SSL_CTX_load_verify_locations(ctx, c->redis.tls_ca, NULL)
                               : !SSL_CTX_set_default_verify_paths(ctx))
        return fail("cannot use redis.tls_ca", given(c->redis.tls_ca) ? c->redis.tls_ca : "", why, cap);
    if (!given(c->redis.tls_cert))
        return true;
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    if (SSL_CTX_use_certificate_chain_file(ctx, c->redis.tls_cert) != 1)
        return fail("cannot use redis.tls_cert", c->redis.tls_cert, why, cap);
    if (SSL_CTX_use_PrivateKey_file(ctx, c->redis.tls_key, SSL_FILETYPE_PEM) != 1)
        return fail("cannot use redis.tls_key", c->redis.tls_key, why, cap);
    return true;
}

static SSL_CTX *new_context(const struct config *c, char *why, size_t cap)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && load_files(ctx, c, why, cap)) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        return ctx;
    }
    if (!ctx)
        fail("TLS", "", why, cap);
    SSL_CTX_free(ctx);
    return NULL;
}

/* The certificate must be made out to the name; only names are sent along (SNI), addresses are not. */
static bool expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return true;
    ERR_clear_error();
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

const char *redis_tls_why(const struct redis_tls *tls, const char *otherwise, char *why, size_t cap)
{
    long verified = SSL_get_verify_result(ssl_of(tls));
    if (verified != X509_V_OK)
        snprintf(why, cap, "the certificate of Redis is not accepted: %s", X509_verify_cert_error_string(verified));
    else if (ERR_peek_last_error() != 0)
        fail("TLS", "", why, cap);
    else
        return otherwise;
    ERR_clear_error();
    return why;
}

struct redis_tls *redis_tls_start(redisAsyncContext *ac, const struct config *config, const char *host, bool *ret_local,
                                  char *why, size_t cap)
{
    *ret_local = true;
    ERR_clear_error();
    SSL_CTX *ctx = new_context(config, why, cap);
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    SSL_CTX_free(ctx); /* the SSL keeps it */
    if (!ssl)
        return NULL;
    const char *name = given(config->redis.tls_name) ? config->redis.tls_name : host;
    if (!expect_name(ssl, name)) {
        fail("cannot expect the name", name, why, cap);
    } else if (redisInitiateSSL(&ac->c, ssl) != REDIS_OK) {
        *ret_local = false;
        const char *reason = redis_tls_why((struct redis_tls *)(void *)ssl, ac->c.errstr, why, cap);
        if (reason != why)
            snprintf(why, cap, "%s", reason);
    } else {
        return (struct redis_tls *)(void *)ssl;
    }
    SSL_free(ssl);
    return NULL;
}

#else

struct redis_tls *redis_tls_start(redisAsyncContext *ac, const struct config *config, const char *host, bool *ret_local,
                                  char *why, size_t cap)
{
    (void)ac, (void)config, (void)host;
    *ret_local = true;
    snprintf(why, cap, "this crmpulse was built without TLS for Redis");
    return NULL;
}

const char *redis_tls_why(const struct redis_tls *tls, const char *otherwise, char *why, size_t cap)
{
    (void)tls;
    if (cap)
        why[0] = '\0';
    return otherwise;
}

#endif
