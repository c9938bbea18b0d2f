#ifndef RN_TUNE_TUNER_H
#define RN_TUNE_TUNER_H
/* The chooser (graph/program.h) that measures. What it finds is kept in a file for the processor and the plugins that offer
 * kernels, so that the next run takes the same kernels and times nothing; it is written whenever a program has been compiled.
 *
 * A call is timed once for its op, attributes, shapes, types, pitches and the number of threads. Before that each
 * kernel is compared with its op's reference, once on a machine. The fastest is taken; but what has the highest rank
 * stays unless another is 3 % faster, so that noise does not decide.
 * Thread safety: one thread. Several processes may keep the same file. */
#include "graph/program.h"

typedef struct rn_tuner_options {
    const char *machine; /* what processor this is, beside its features */
    const char *folder;  /* of the file, made when there is something to keep; NULL: nothing is kept */
    const char *given;   /* a file with choices that come first: a plan from the database, or the folder's file of another
                            day; NULL: none */
    bool time;           /* false: what is not known is left to the rank, and counted */
    void (*say)(void *context, const char *text);     /* notes for the user: a damaged file, a wrong kernel. May be NULL */
    void (*working)(void *context, const char *call); /* before a call is timed. May be NULL */
    void *context;
} rn_tuner_options;

typedef struct rn_tuner rn_tuner;

/* registry and what options point to: borrowed. A damaged file is told and ignored. Errors: RN_EMEMORY; RN_EIO where `given`
 * cannot be read. */
RN_NODISCARD bool rn_tuner_open(const rn_registry *registry, const rn_tuner_options *options, rn_tuner **tuner, rn_error *err);
void rn_tuner_close(rn_tuner *t);

/* To be put into rn_program_options; valid as long as the tuner. explain: its field of that name. */
const rn_chooser *rn_tuner_chooser(rn_tuner *t, bool explain);

/* What happened since this was asked last. */
typedef struct rn_tuner_report {
    int64_t timed;    /* calls */
    double seconds;   /* spent on that */
    int64_t untimed;  /* nodes for which there are several kernels, of which none is known to be the fastest */
    const char *path; /* of the file; "" where nothing is kept */
} rn_tuner_report;
rn_tuner_report rn_tuner_tell(rn_tuner *t);

/* The largest error of this plugin's kernels against the reference, as far as they were compared; NaN where none was. */
double rn_tuner_error_of(const rn_tuner *t, const rn_loaded *plugin);

#endif
