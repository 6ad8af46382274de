/* Switches: which there are, which value is chosen, and their replacement in formulas by that value.
 *
 * A switch is a constant once the configuration is read. So switch.NAME becomes a literal, and if() over switches alone becomes the branch taken:
 * a formula then uses only the measures that it needs. The rest of the expression language is none of this file's business. */
#include <ctype.h>
#include <stdlib.h>

#include "loader.h"

int switch_find(struct loader *l, struct slice name)
{
    for (uint32_t i = 0; i < l->n_switches; i++)
        if (slice_eq(l->switches[i].name, name))
            return (int)i;
    return -1;
}

static bool digits_only(struct slice s)
{
    return s.n && s.n < 16 && strspn(s.p, "0123456789") == s.n;
}

static void add_value(struct loader *l, struct switch_def *d, const struct node *n)
{
    if (n->kind != NODE_SCALAR || !n->text.n || strpbrk(n->text.p, "'\"\\\n,="))
        report(l, n, "a value of a switch is plain text");
    else if (d->n_values == SWITCH_VALUES_MAX)
        report(l, n, "more than %d values", SWITCH_VALUES_MAX);
    else
        d->value[d->n_values++] = n->text;
}

/* Words of a list switch: a list of them, or one text. Empty is a list without words. */
static struct slice words(struct loader *l, const struct node *value)
{
    struct text t = { .l = l };
    text_put(&t, "%s", "");
    if (value && value->kind == NODE_SCALAR)
        text_put(&t, "%s", value->text.p);
    for (const struct node *n = value && value->kind == NODE_LIST ? value->first : NULL; n; n = n->next) {
        if (n->kind != NODE_SCALAR || !n->text.n || strchr(n->text.p, ' '))
            report(l, n, "expected a word without blanks");
        else
            text_put(&t, "%s%s", t.n ? " " : "", n->text.p);
    }
    if (!value || value->kind == NODE_MAP || (t.p && strpbrk(t.p, "'\"\\\n,=")))
        report(l, value, "expected a list of plain words");
    return (struct slice){ t.p, t.n };
}

/* A list declares a switch with its values, the default first; in the catalogue a number declares a numeric one and {list: [..]} one that takes any list
 * of words. */
static void declare(struct loader *l, const struct node *key)
{
    int i = switch_find(l, key->text);
    if (i < 0 && l->n_switches == SWITCHES_MAX) {
        report(l, key, "more than %d switches", SWITCHES_MAX);
        return;
    }
    if (!plain_id(key->text)) {
        report(l, key, "'%s' is no name of a switch", key->text.p);
        return;
    }
    struct switch_def *d = &l->switches[i < 0 ? (int)l->n_switches++ : i];
    *d = (struct switch_def){ .name = key->text,
                              .number = key->value->kind == NODE_SCALAR,
                              .list = key->value->kind == NODE_MAP };
    if (d->list) {
        d->chosen = words(l, node_get(key->value, "list"));
        return;
    }
    if (d->number) {
        if (!digits_only(key->value->text))
            report(l, key->value, "expected a number or a list of values");
        d->chosen = key->value->text;
        return;
    }
    for (const struct node *n = key->value->first; n; n = n->next)
        add_value(l, d, n);
    if (d->n_values)
        d->chosen = d->value[0];
    else
        report(l, key, "switch '%s' has no values", key->text.p);
}

/* Is it one of the switch's values? Reported at byte `offset` of `at` if not. */
static bool check_value(struct loader *l, const struct switch_def *d, struct slice value, const struct node *at,
                        uint32_t offset)
{
    struct suggest s;
    suggest_begin(&s, value);
    struct text all = { .l = l };
    if (d->number && digits_only(value))
        return true;
    for (uint32_t i = 0; i < d->n_values; i++) {
        if (slice_eq(d->value[i], value))
            return true;
        suggest_try(&s, d->value[i]);
        text_put(&all, "%s%.*s", i ? ", " : "", (int)d->value[i].n, d->value[i].p);
    }
    report_inside(l, at, offset, "switch '%.*s' has no value '%.*s'%s (%s%s)", (int)d->name.n, d->name.p, (int)value.n,
                  value.p, suggest_text(&s), d->number ? "a number" : "one of: ", all.p ? all.p : "");
    return false;
}

static void unknown_switch(struct loader *l, struct slice name, const struct node *at, uint32_t offset)
{
    struct suggest s;
    suggest_begin(&s, name);
    for (uint32_t i = 0; i < l->n_switches; i++)
        suggest_try(&s, l->switches[i].name);
    report_inside(l, at, offset, "unknown switch '%.*s'%s", (int)name.n, name.p, suggest_text(&s));
}

static void choose(struct loader *l, const struct node *key)
{
    int i = switch_find(l, key->text);
    if (i < 0) {
        unknown_switch(l, key->text, key, 0);
    } else if (l->switches[i].list) {
        l->switches[i].chosen = words(l, key->value);
    } else if (key->value->kind != NODE_SCALAR) {
        report(l, key->value, "expected the value of a switch");
    } else if (check_value(l, &l->switches[i], key->value->text, key->value, 0)) {
        l->switches[i].chosen = key->value->text;
    }
}

static void each_key(struct loader *l, bool builtin, bool declarations)
{
    for (uint32_t i = 0; i < l->n_files; i++) {
        const struct node *map = node_get(l->file[i].root, "switches");
        if (l->file[i].source->builtin != builtin || !map || map->kind != NODE_MAP)
            continue;
        for (const struct node *k = map->first; k; k = k->next) {
            int known = switch_find(l, k->text);
            bool takes_list = known >= 0 && l->switches[known].list;
            bool declares = builtin || (k->value->kind == NODE_LIST && !takes_list);
            if (declares && declarations)
                declare(l, k);
            else if (!declares && !declarations)
                choose(l, k);
        }
    }
}

static char *choices_text(struct loader *l, const struct switch_def *d)
{
    struct text t = { .l = l };
    text_put(&t, "%s", d->number ? "a number" : d->list ? "a list" : "");
    for (uint32_t i = 0; i < d->n_values; i++)
        text_put(&t, "%s%.*s", t.n ? ", " : "", (int)d->value[i].n, d->value[i].p);
    return copy_text(l, (struct slice){ t.p, t.n });
}

static void publish(struct loader *l)
{
    struct config *c = l->config;
    c->switches = calloc(l->n_switches ? l->n_switches : 1, sizeof(*c->switches));
    if (!c->switches) {
        report_memory(l);
        return;
    }
    for (uint32_t i = 0; i < l->n_switches; i++) {
        struct config_switch *s = &c->switches[c->n_switches++];
        s->name = copy_text(l, l->switches[i].name);
        s->value = copy_text(l, l->switches[i].chosen);
        s->choices = choices_text(l, &l->switches[i]);
    }
}

/* The value of a switch that the engine or a tracker obeys: it decides what is booked. */
static struct slice obeyed(struct loader *l, struct slice name)
{
    int i = switch_find(l, name);
    if (i < 0)
        return (struct slice){ 0 };
    l->obeyed |= (uint64_t)1 << i;
    return l->switches[i].chosen;
}

/* True if the second of the switch's values is chosen. Such a switch is no part of any formula: the engine obeys it, and it belongs to every KPI. */
static bool turned(struct loader *l, struct slice name, struct slice value)
{
    bool on = slice_eq(obeyed(l, name), value);
    if (on)
        l->everywhere |= (uint64_t)1 << switch_find(l, name);
    return on;
}

static int64_t obeyed_days_ms(struct loader *l, struct slice name, int64_t otherwise_ms)
{
    struct slice days = obeyed(l, name);
    return days.n ? strtoll(days.p, NULL, 10) * INT64_C(86400000) : otherwise_ms;
}

/* Trackers know no switches; what those of customers need is plain data. */
static void take_customer_rules(struct loader *l)
{
    struct customer_rules *rules = &l->defs->customers;
    rules->churn_after_ms = obeyed_days_ms(l, SLICE("churn_after_days"), rules->churn_after_ms);
    rules->sales_are_orders = slice_eq(obeyed(l, SLICE("sales_basis")), SLICE("orders"));
    rules->refunds_at_order = slice_eq(obeyed(l, SLICE("refund_book")), SLICE("at_order"));
    rules->segment_by_rfm = turned(l, SLICE("segment_by"), SLICE("rfm"));
    rules->quintiles = slice_eq(obeyed(l, SLICE("rfm_cut")), SLICE("quintile"));
    rules->risk_by_rfm = slice_eq(obeyed(l, SLICE("risk_segment")), SLICE("rfm"));
}

void switches_load(struct loader *l)
{
    each_key(l, true, true);
    each_key(l, false, true);
    each_key(l, false, false);
    l->defs->follow_owner = turned(l, SLICE("credit"), SLICE("follow_owner"));
    l->defs->erase_keep = turned(l, SLICE("erase"), SLICE("keep"));
    l->defs->followup_ms = obeyed_days_ms(l, SLICE("followup_days"), l->defs->followup_ms);
    publish(l);
    take_customer_rules(l);
}

/* ---- replacement ---------------------------------------------------------------------------------------------------------------------------- */

struct replacer {
    struct loader *l;
    const struct node *node;
    struct resolved *out;
    bool prune, ok;
    int depth;
};

struct range {
    uint32_t from, to;
};

static const char *text_of(const struct replacer *r)
{
    return r->node->text.p;
}

static void put(struct replacer *r, const char *p, uint32_t n, uint32_t at, bool same_place)
{
    struct resolved *o = r->out;
    if (o->n + n + 1 > o->cap) {
        uint32_t cap = (o->cap ? o->cap * 2 : 256) + n;
        char *text = arena_alloc(&r->l->arena, cap);
        uint32_t *place = arena_alloc(&r->l->arena, cap * sizeof(*place));
        if (!text || !place) {
            report_memory(r->l);
            r->ok = false;
            return;
        }
        if (o->n) {
            memcpy(text, o->text, o->n);
            memcpy(place, o->at, o->n * sizeof(*place));
        }
        o->text = text;
        o->at = place;
        o->cap = cap;
    }
    for (uint32_t i = 0; i < n; i++) {
        o->text[o->n] = p[i];
        o->at[o->n++] = same_place ? at : at + i;
    }
    o->text[o->n] = 0;
}

static bool name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static struct range trim(const struct replacer *r, struct range x)
{
    while (x.from < x.to && isspace((unsigned char)text_of(r)[x.from]))
        x.from++;
    while (x.to > x.from && isspace((unsigned char)text_of(r)[x.to - 1]))
        x.to--;
    return x;
}

static uint32_t skip_quoted(const struct replacer *r, uint32_t i, uint32_t to)
{
    char quote = text_of(r)[i++];
    while (i < to && text_of(r)[i] != quote)
        i++;
    return i < to ? i + 1 : to;
}

/* Arguments of a call whose '(' is at `open`: their ranges and the byte after ')'. -1: not closed, or more than `max`. */
static int arguments(const struct replacer *r, uint32_t open, uint32_t to, struct range *args, int max,
                     uint32_t *ret_after)
{
    int n = 0, depth = 0;
    uint32_t start = open + 1;
    for (uint32_t i = open; i < to;) {
        char c = text_of(r)[i];
        if (c == '\'' || c == '"') {
            i = skip_quoted(r, i, to);
            continue;
        }
        depth += (c == '(') - (c == ')');
        if ((c == ',' && depth == 1) || depth == 0) {
            if (n == max)
                return -1;
            args[n++] = trim(r, (struct range){ start, i });
            start = i + 1;
        }
        i++;
        if (depth == 0) {
            *ret_after = i;
            return n;
        }
    }
    return -1;
}

static struct slice slice_at(const struct replacer *r, struct range x)
{
    return (struct slice){ text_of(r) + x.from, x.to - x.from };
}

/* "switch.NAME" alone. */
static int switch_operand(const struct replacer *r, struct range x)
{
    struct slice s = slice_at(r, x);
    if (s.n <= 7 || memcmp(s.p, "switch.", 7) != 0)
        return -1;
    return switch_find(r->l, (struct slice){ s.p + 7, s.n - 7 });
}

/* A text literal or a number: the value without quotes. */
static bool literal_operand(const struct replacer *r, struct range x, struct slice *ret)
{
    struct slice s = slice_at(r, x);
    if (s.n >= 2 && (s.p[0] == '\'' || s.p[0] == '"') && memchr(s.p + 1, s.p[0], s.n - 1) == s.p + s.n - 1) {
        *ret = (struct slice){ s.p + 1, s.n - 2 };
        return true;
    }
    *ret = s;
    uint32_t i = 0;
    while (i < s.n && isdigit((unsigned char)s.p[i]))
        i++;
    return s.n && i == s.n;
}

/* Truth of a condition over one switch and literals: 0, 1, or -1 when it is something else. */
static int condition(struct replacer *r, struct range x)
{
    static const char *const operators[] = { "==", "!=", NULL };
    for (uint32_t i = x.from; i + 1 < x.to; i++) {
        int op = find_word((struct slice){ text_of(r) + i, 2 }, operators);
        if (op < 0)
            continue;
        struct range left = trim(r, (struct range){ x.from, i }), right = trim(r, (struct range){ i + 2, x.to });
        int s = switch_operand(r, left);
        struct slice value;
        if (s < 0 || !literal_operand(r, right, &value))
            return -1;
        if (!check_value(r->l, &r->l->switches[s], value, r->node, right.from + (text_of(r)[right.from] < '0')))
            r->ok = false;
        r->out->used |= (uint64_t)1 << s;
        return slice_eq(value, r->l->switches[s].chosen) == (op == 0);
    }
    return -1;
}

static void replace(struct replacer *r, struct range x);

/* At "if": write the branch taken and return the byte after the call, or 0 if this is not an if() over switches. */
static uint32_t replace_if(struct replacer *r, uint32_t after_name, uint32_t to)
{
    struct range args[3];
    uint32_t open = after_name, after;
    while (open < to && isspace((unsigned char)text_of(r)[open]))
        open++;
    if (open == to || text_of(r)[open] != '(' || arguments(r, open, to, args, 3, &after) != 3)
        return 0;
    int truth = condition(r, args[0]);
    if (truth < 0 || !r->prune)
        return 0;
    put(r, "(", 1, args[0].from, true);
    replace(r, args[truth ? 1 : 2]);
    put(r, ")", 1, after - 1, true);
    return after;
}

/* The words as literals with commas between: what in() takes. One empty text, which nothing equals, if there are none. */
static void put_words(struct replacer *r, struct slice text, uint32_t at)
{
    put(r, "'", 1, at, true);
    for (uint32_t i = 0; i < text.n; i++) {
        if (text.p[i] == ' ')
            put(r, "','", 3, at, true);
        else
            put(r, text.p + i, 1, at, true);
    }
    put(r, "'", 1, at, true);
}

static void put_count(struct replacer *r, struct slice text, uint32_t at)
{
    char digits[16];
    uint32_t n = text.n > 0;
    for (uint32_t i = 0; i < text.n; i++)
        n += text.p[i] == ' ';
    put(r, digits, (uint32_t)snprintf(digits, sizeof digits, "%u", n), at, true);
}

/* switch.NAME of a list: its words; switch.NAME.n: how many. */
static bool replace_list(struct replacer *r, struct range name)
{
    struct range without = { name.from, name.to };
    bool count = name.to - name.from > 2 && memcmp(text_of(r) + name.to - 2, ".n", 2) == 0;
    without.to -= count ? 2 : 0;
    int i = switch_operand(r, without);
    if (i < 0 || !r->l->switches[i].list)
        return false;
    r->out->used |= (uint64_t)1 << i;
    if (count)
        put_count(r, r->l->switches[i].chosen, name.from);
    else
        put_words(r, r->l->switches[i].chosen, name.from);
    return true;
}

static void replace_name(struct replacer *r, struct range name)
{
    struct slice s = slice_at(r, name);
    if (s.n <= 7 || memcmp(s.p, "switch.", 7) != 0) {
        put(r, s.p, s.n, name.from, false);
        return;
    }
    if (replace_list(r, name))
        return;
    int i = switch_operand(r, name);
    if (i < 0) {
        unknown_switch(r->l, (struct slice){ s.p + 7, s.n - 7 }, r->node, name.from + 7);
        r->ok = false;
        return;
    }
    const struct switch_def *d = &r->l->switches[i];
    r->out->used |= (uint64_t)1 << i;
    put(r, "'", d->number ? 0 : 1, name.from, true);
    put(r, d->chosen.p, d->chosen.n, name.from, true);
    put(r, "'", d->number ? 0 : 1, name.from, true);
}

static void replace(struct replacer *r, struct range x)
{
    if (r->depth++ > 64)
        x.to = x.from; /* the compiler refuses such nesting anyway */
    for (uint32_t i = x.from; i < x.to && r->ok;) {
        char c = text_of(r)[i];
        uint32_t end = i + 1;
        if (c == '\'' || c == '"') {
            end = skip_quoted(r, i, x.to);
            put(r, text_of(r) + i, end - i, i, false);
        } else if (!name_byte(c)) {
            put(r, &c, 1, i, true);
        } else {
            while (end < x.to && name_byte(text_of(r)[end]))
                end++;
            bool is_if = end - i == 2 && memcmp(text_of(r) + i, "if", 2) == 0;
            uint32_t after = is_if ? replace_if(r, end, x.to) : 0;
            if (after)
                end = after;
            else
                replace_name(r, (struct range){ i, end });
        }
        i = end;
    }
    r->depth--;
}

bool switches_resolve(struct loader *l, const struct node *n, bool prune, struct resolved *ret)
{
    *ret = (struct resolved){ 0 };
    struct replacer r = { .l = l, .node = n, .out = ret, .prune = prune, .ok = true };
    replace(&r, (struct range){ 0, n->text.n });
    put(&r, "", 0, 0, true);
    return r.ok;
}
