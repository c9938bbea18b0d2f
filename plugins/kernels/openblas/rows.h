/* Rows of a softmax for one type; included once for each with
 *     REAL      float or double
 *     ROWS(f)   the name f with the type in it
 *     EXP       its exponential
 *     TARGET    the instructions it may use: an attribute, or nothing
 * Sums run in LANES running sums, so that the compiler may use vectors without changing their order. */
enum { ROWS(LANES) = 16 };

TARGET static REAL ROWS(largest)(const REAL *v, int64_t n)
{
    REAL most[ROWS(LANES)];
    int64_t i = 0;
    for (int k = 0; k < ROWS(LANES); k++)
        most[k] = v[0];
    for (; i + ROWS(LANES) <= n; i += ROWS(LANES))
        for (int k = 0; k < ROWS(LANES); k++)
            most[k] = v[i + k] > most[k] ? v[i + k] : most[k];
    for (; i < n; i++)
        most[0] = v[i] > most[0] ? v[i] : most[0];
    for (int k = 1; k < ROWS(LANES); k++)
        most[0] = most[k] > most[0] ? most[k] : most[0];
    return most[0];
}

TARGET static REAL ROWS(total)(const REAL *sum)
{
    double all = 0;
    for (int k = 0; k < ROWS(LANES); k++)
        all += (double)sum[k];
    return (REAL)all;
}

/* s = e^(s − max s) for each row; lse gets max + log Σ, share 1/Σ. */
TARGET static void ROWS(softmax)(void *s_, int64_t rows, int64_t n, void *lse_, void *share_)
{
    REAL *s = s_, *lse = lse_, *share = share_;
    for (int64_t r = 0; r < rows; r++, s += n) {
        const REAL most = ROWS(largest)(s, n);
        REAL sum[ROWS(LANES)] = {0};
        int64_t i = 0;
        for (; i + ROWS(LANES) <= n; i += ROWS(LANES))
            for (int k = 0; k < ROWS(LANES); k++) {
                s[i + k] = EXP(s[i + k] - most);
                sum[k] += s[i + k];
            }
        for (; i < n; i++) {
            s[i] = EXP(s[i] - most);
            sum[0] += s[i];
        }
        const REAL all = ROWS(total)(sum);
        lse[r] = (REAL)((double)most + log((double)all));
        share[r] = 1 / all;
    }
}

TARGET static void ROWS(scale)(void *y_, int64_t rows, int64_t n, int64_t pitch, const void *share_)
{
    REAL *y = y_;
    const REAL *share = share_;
    for (int64_t r = 0; r < rows; r++, y += pitch)
        for (int64_t i = 0; i < n; i++)
            y[i] *= share[r];
}

/* Σ_i a[i]·b[i] for each row. */
TARGET static void ROWS(dot)(blas_matrix a_, blas_matrix b_, int64_t rows, int64_t n, void *dot_)
{
    const REAL *a = a_.v, *b = b_.v;
    REAL *dot = dot_;
    for (int64_t r = 0; r < rows; r++, a += a_.ld, b += b_.ld) {
        REAL sum[ROWS(LANES)] = {0};
        int64_t i = 0;
        for (; i + ROWS(LANES) <= n; i += ROWS(LANES))
            for (int k = 0; k < ROWS(LANES); k++)
                sum[k] += a[i + k] * b[i + k];
        for (; i < n; i++)
            sum[0] += a[i] * b[i];
        dot[r] = ROWS(total)(sum);
    }
}

/* s = p = e^(s − lse), dp = p·(dp − mean), for each row. */
TARGET static void ROWS(softmax_back)(void *s_, void *dp_, int64_t rows, int64_t n, const void *lse_, const void *mean_)
{
    REAL *s = s_, *dp = dp_;
    const REAL *lse = lse_, *mean = mean_;
    for (int64_t r = 0; r < rows; r++, s += n, dp += n)
        for (int64_t i = 0; i < n; i++) {
            const REAL p = EXP(s[i] - lse[r]);
            s[i] = p;
            dp[i] = p * (dp[i] - mean[r]);
        }
}

static const row_functions ROWS(rows) = {ROWS(softmax), ROWS(scale), ROWS(dot), ROWS(softmax_back)};

#undef REAL
#undef ROWS
#undef EXP
#undef TARGET
