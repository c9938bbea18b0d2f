#ifndef RUNNER_PARAM_H
#define RUNNER_PARAM_H
/* Parameter schemas: one table per struct, from which the runner checks YAML, fills defaults, prints
 * `runner describe` and writes the spec reference. A default is YAML text and goes through the same
 * parser as the user's; NULL means that the value is required.
 *
 *     typedef struct { int64_t channels; double dropout; } block;
 *     static const rn_param params[] = {
 *         RN_INT (block, channels, "channel", NULL, 4, 65536, "width of the output"),
 *         RN_REAL(block, dropout,  NULL,      "0",  0, 1,     "share set to zero before conv2"),
 *         RN_PARAMS_END,
 *     };
 *
 * A field of another C type than its row does not compile (C; C++ has no _Generic and checks nothing).
 * Thread safety: tables are constant. */
#include <runner/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of component. Their order is that of `runner plugins`. */
typedef enum rn_kind {
    RN_KIND_NONE = 0,
    RN_KIND_DEVICE,
    RN_KIND_OP,
    RN_KIND_KERNEL,
    RN_KIND_LAYER,
    RN_KIND_MODEL,
    RN_KIND_TASK,
    RN_KIND_SCHEDULE,
    RN_KIND_WEIGHTING,
    RN_KIND_SAMPLER,
    RN_KIND_DATASET,
    RN_KIND_FEATURES,
    RN_KIND_METRIC,
    RN_KIND_OPTIMIZER,
    RN_KIND_END
} rn_kind;

typedef struct rn_param rn_param;

/* What every component descriptor begins with, whatever its kind. `bytes` is sizeof the whole
 * descriptor: fields are only ever appended, and a reader asks RN_HAS before it reads a later one. */
#define RN_COMPONENT_HEAD                                                                          \
    size_t bytes;           /* sizeof the descriptor */                                            \
    const char *name;       /* as it stands in a spec: [a-z][a-z0-9_]* */                          \
    const char *doc;        /* one line for lists and `runner describe` */                         \
    const rn_param *params; /* its parameters, or NULL for none */                                 \
    size_t params_bytes;    /* sizeof the struct that they fill */                                 \
    bool is_default         /* used where a spec is silent; of features, several may be */

typedef struct rn_component {
    RN_COMPONENT_HEAD;
} rn_component;

/* Was this descriptor compiled with a struct that has the field? */
#define RN_HAS(descriptor, type, field)                                                            \
    ((descriptor)->bytes >= offsetof(type, field) + sizeof(((type *)0)->field))

typedef enum rn_param_type {
    RN_PARAM_END = 0,
    RN_PARAM_INT,        /* int64_t */
    RN_PARAM_REAL,       /* double */
    RN_PARAM_BOOL,       /* bool */
    RN_PARAM_TEXT,       /* const char * (NULL where none is allowed and given) */
    RN_PARAM_PATH,       /* const char *, resolved against the folder of the file that says it */
    RN_PARAM_CHOICE,     /* int64_t: index into .choices */
    RN_PARAM_INTS,       /* rn_ints */
    RN_PARAM_REALS,      /* rn_reals; with .choices also one of those words */
    RN_PARAM_TEXTS,      /* rn_texts */
    RN_PARAM_SIZE,       /* rn_size: one number, or [height, width] */
    RN_PARAM_GROUP,      /* a struct in place, from a mapping with the rows .fields */
    RN_PARAM_GROUP_PTR,  /* const struct *, the same; NULL for none */
    RN_PARAM_LIST,       /* rn_list: mappings, each with the rows .fields */
    RN_PARAM_COMPONENT,  /* rn_chosen: a mapping of its own, or a bare name */
    RN_PARAM_COMPONENTS, /* rn_chosen_list */
    RN_PARAM_INLINE,     /* rn_chosen: named by this key; its parameters stand beside the key, in the
                            same mapping. At most one in a table. The mapping may then also be the
                            bare name. */
    RN_PARAM_QUANTITY    /* rn_quantity: a number with one of the units .choices, as in "10 min" */
} rn_param_type;

enum {
    RN_NULLABLE = 1, /* `none` is allowed: 0, NULL, no elements */
    RN_COSMETIC = 2, /* changes no result (names, how often to log): not part of the spec's hash */
    RN_OPEN_MIN = 4, /* the value must be above .min, not equal */
    RN_OPEN_MAX = 8,
    RN_PATHS = 16,   /* of RN_PARAM_TEXTS: paths, resolved as RN_PARAM_PATH is */
    RN_ALTERNATIVE = 32 /* of a nullable row: of the rows of a table with this flag one has to be given, and no more;
                           what a later layer says by one of them replaces what an earlier layer said by another */
};

struct rn_param {
    rn_param_type type;
    const char *name;
    size_t offset;
    const char *unit; /* "pixel", "step" …, or NULL for a pure number */
    const char *def;  /* YAML text, or NULL: required */
    double min, max;  /* of a number, of a side of a size, of each element of a list; lengths are not bounded */
    const char *doc;
    const char *const *choices; /* NULL-ended */
    const rn_param *fields;     /* of a group or of the mappings of a list */
    size_t fields_bytes;
    rn_kind kind; /* of a component */
    unsigned flags;
};

typedef struct rn_ints { const int64_t *v; int64_t n; } rn_ints;
typedef struct rn_reals { const double *v; int64_t n; int64_t word; /* index of the word, −1: a list */ } rn_reals;
typedef struct rn_texts { const char *const *v; int64_t n; } rn_texts;
typedef struct rn_size { int64_t height, width; } rn_size;
typedef struct rn_list { const void *v; int64_t n; } rn_list;
typedef struct rn_quantity { double value; int64_t unit; } rn_quantity; /* unit: index into .choices */

/* A component that a spec chose, with its checked parameters (a struct of what->params_bytes). */
typedef struct rn_chosen {
    const rn_component *what; /* NULL: none */
    const void *params;
    rn_place place; /* of the name in the spec */
} rn_chosen;
typedef struct rn_chosen_list { const rn_chosen *v; int64_t n; } rn_chosen_list;

#ifdef __cplusplus
#define RN_FIELD(type, s, f) offsetof(s, f)
#else
#define RN_FIELD(type, s, f) _Generic(((s *)0)->f, type: offsetof(s, f))
#endif

/* Rows. s: the struct, f: its field (and the key, but for RN_INLINE), unit_: text or NULL, def_: YAML text or NULL
 * (required), min_, max_: both allowed. *_OR_NONE: `none` is allowed and gives 0 or NULL. RN_POSITIVE: above 0.
 * choices_, words_: NULL-ended texts; rows_: the table of the struct inside, type_ its type; kind_: RN_KIND_…; the
 * default "" of a component means the kind's default (is_default). Flags that have no macro are written out. */
/* clang-format off */
#define RN_INT(s, f, unit_, def_, min_, max_, doc_)   {RN_PARAM_INT,  #f, RN_FIELD(int64_t, s, f), unit_, def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_INT_OR_NONE(s, f, unit_, def_, min_, max_, doc_) {RN_PARAM_INT, #f, RN_FIELD(int64_t, s, f), unit_, def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, RN_NULLABLE}
#define RN_REAL(s, f, unit_, def_, min_, max_, doc_)  {RN_PARAM_REAL, #f, RN_FIELD(double, s, f), unit_, def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_REAL_OR_NONE(s, f, unit_, def_, min_, max_, doc_) {RN_PARAM_REAL, #f, RN_FIELD(double, s, f), unit_, def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, RN_NULLABLE}
#define RN_POSITIVE(s, f, unit_, def_, max_, doc_)    {RN_PARAM_REAL, #f, RN_FIELD(double, s, f), unit_, def_, 0, max_, doc_, 0, 0, 0, RN_KIND_NONE, RN_OPEN_MIN}
#define RN_BOOL(s, f, def_, doc_)                     {RN_PARAM_BOOL, #f, RN_FIELD(bool, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_TEXT(s, f, def_, doc_)                     {RN_PARAM_TEXT, #f, RN_FIELD(const char *, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_PATH(s, f, def_, doc_)                     {RN_PARAM_PATH, #f, RN_FIELD(const char *, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_PATH_OR_NONE(s, f, def_, doc_)             {RN_PARAM_PATH, #f, RN_FIELD(const char *, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, RN_KIND_NONE, RN_NULLABLE}
#define RN_CHOICE(s, f, choices_, def_, doc_)         {RN_PARAM_CHOICE, #f, RN_FIELD(int64_t, s, f), 0, def_, 0, 0, doc_, choices_, 0, 0, RN_KIND_NONE, 0}
#define RN_INTS(s, f, unit_, def_, min_, max_, doc_)  {RN_PARAM_INTS, #f, RN_FIELD(rn_ints, s, f), unit_, def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_REALS(s, f, unit_, def_, min_, max_, doc_) {RN_PARAM_REALS, #f, RN_FIELD(rn_reals, s, f), unit_, def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_WORD_OR_REALS(s, f, words_, def_, min_, max_, doc_) {RN_PARAM_REALS, #f, RN_FIELD(rn_reals, s, f), 0, def_, min_, max_, doc_, words_, 0, 0, RN_KIND_NONE, 0}
#define RN_TEXTS(s, f, def_, doc_)                    {RN_PARAM_TEXTS, #f, RN_FIELD(rn_texts, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_SIZE(s, f, def_, min_, max_, doc_)         {RN_PARAM_SIZE, #f, RN_FIELD(rn_size, s, f), "pixel", def_, min_, max_, doc_, 0, 0, 0, RN_KIND_NONE, 0}
#define RN_GROUP(s, f, rows_, def_, doc_)             {RN_PARAM_GROUP, #f, offsetof(s, f), 0, def_, 0, 0, doc_, 0, rows_, sizeof(((s *)0)->f), RN_KIND_NONE, 0}
#define RN_GROUP_OR_NONE(s, f, type_, rows_, def_, doc_) {RN_PARAM_GROUP_PTR, #f, RN_FIELD(const type_ *, s, f), 0, def_, 0, 0, doc_, 0, rows_, sizeof(type_), RN_KIND_NONE, RN_NULLABLE}
#define RN_LIST(s, f, type_, rows_, def_, doc_)       {RN_PARAM_LIST, #f, RN_FIELD(rn_list, s, f), 0, def_, 0, 0, doc_, 0, rows_, sizeof(type_), RN_KIND_NONE, 0}
#define RN_COMPONENT(s, f, kind_, def_, doc_)         {RN_PARAM_COMPONENT, #f, RN_FIELD(rn_chosen, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, kind_, 0}
#define RN_COMPONENT_OR_NONE(s, f, kind_, def_, doc_) {RN_PARAM_COMPONENT, #f, RN_FIELD(rn_chosen, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, kind_, RN_NULLABLE}
#define RN_COMPONENTS(s, f, kind_, def_, doc_)        {RN_PARAM_COMPONENTS, #f, RN_FIELD(rn_chosen_list, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, kind_, 0}
#define RN_INLINE(s, f, key_, kind_, def_, doc_)      {RN_PARAM_INLINE, key_, RN_FIELD(rn_chosen, s, f), 0, def_, 0, 0, doc_, 0, 0, 0, kind_, 0}
#define RN_PARAMS_END                                 {RN_PARAM_END, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, RN_KIND_NONE, 0}
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
