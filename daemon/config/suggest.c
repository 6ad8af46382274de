/* The nearest known word to a misspelt one, by edit distance with transpositions. It does not know what the words mean. */
#include "loader.h"

enum { WORD_MAX = 48 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment (Damerau's distance without edits inside a transposition). O(a.n * b.n). */
static uint32_t distance(struct slice a, struct slice b)
{
    uint32_t row[3][WORD_MAX + 1];
    for (uint32_t j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (uint32_t i = 1; i <= a.n; i++) {
        uint32_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (uint32_t j = 1; j <= b.n; j++) {
            uint32_t cost = a.p[i - 1] != b.p[j - 1];
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[a.n % 3][b.n];
}

void suggest_begin(struct suggest *s, struct slice word)
{
    *s = (struct suggest){ .word = word };
    s->distance = 1 + (word.n < 4 ? word.n / 2 : 1 + word.n / 4); /* farther than this is another word */
}

void suggest_try(struct suggest *s, struct slice candidate)
{
    if (!s->word.n || s->word.n > WORD_MAX || !candidate.n || candidate.n > WORD_MAX)
        return;
    uint32_t d = distance(s->word, candidate);
    if (d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}

const char *suggest_text(struct suggest *s)
{
    if (!s->best.n)
        return "";
    snprintf(s->text, sizeof(s->text), "; did you mean '%.*s'?", (int)s->best.n, s->best.p);
    return s->text;
}
