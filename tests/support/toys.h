#ifndef TESTS_SUPPORT_TOYS_H
#define TESTS_SUPPORT_TOYS_H
/* Components that compute nothing: schemas of every sort for the tests of specs, which so need no plugins. */
#include "spec/catalogue.h"

#include <runner/schedule.h>

extern const rn_catalogue toy_catalogue;

/* model `net`: {width, levels: [{block: res | attn, …}], stem: none | layer, path} */
typedef struct toy_level { int64_t repeat; rn_chosen block; } toy_level;
typedef struct toy_net { int64_t width; rn_list levels; rn_chosen stem; const char *weights; } toy_net;
/* layer `res` */
typedef struct toy_res { int64_t channels; double dropout; } toy_res;
/* task `diffuse` */
typedef struct toy_shift { int64_t from; int64_t ends; } toy_shift;
typedef struct toy_schedule { rn_chosen curve; const toy_shift *shift; } toy_schedule;
typedef struct toy_loss { rn_ints scales; rn_reals weights; rn_texts words; bool pooled; } toy_loss;
typedef struct toy_task { toy_schedule schedule; toy_loss loss; double rate; rn_size crop; const char *label; } toy_task;

/* A whole spec that is right, with the least that it must say. */
extern const char toy_spec[];

#endif
