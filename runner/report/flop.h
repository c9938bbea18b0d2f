#ifndef RN_REPORT_FLOP_H
#define RN_REPORT_FLOP_H
/* The unit in which an amount of floating-point operations is told: the largest of which there is at least one. */

typedef struct rn_flop_name {
    const char *name;
    double flop;
} rn_flop_name;

/* 2.4e12 → TFLOP; amounts below 1e9 are told in MFLOP. */
static inline rn_flop_name rn_flop_unit(double flop)
{
    static const rn_flop_name unit[] = {{"EFLOP", 1e18}, {"PFLOP", 1e15}, {"TFLOP", 1e12}, {"GFLOP", 1e9}, {"MFLOP", 1e6}};
    int i = 0;
    while (i < 4 && !(flop >= unit[i].flop))
        i++;
    return unit[i];
}

#endif
