#ifndef KERNELS_ONEDNN_LIBRARY_H
#define KERNELS_ONEDNN_LIBRARY_H
/* oneDNN, opened when the first node asks for it: it takes 13 MiB and 20 ms, and as C++ ends the process where memory
 * ends, so who does not use it should not have it. Its functions keep their names: those of this list are called
 * through pointers. */
#include <oneapi/dnnl/dnnl.h>

#include <stdbool.h>

/* clang-format off */
#define DNN_FUNCTIONS(X)                                                                                               \
    X(dnnl_convolution_backward_data_desc_init) X(dnnl_convolution_backward_weights_desc_init)                         \
    X(dnnl_convolution_forward_desc_init) X(dnnl_engine_create) X(dnnl_engine_destroy) X(dnnl_matmul_desc_init)        \
    X(dnnl_memory_create) X(dnnl_memory_desc_equal) X(dnnl_memory_desc_get_size) X(dnnl_memory_desc_init_by_strides)   \
    X(dnnl_memory_desc_init_by_tag) X(dnnl_memory_destroy) X(dnnl_memory_get_memory_desc)                              \
    X(dnnl_memory_set_data_handle_v2) X(dnnl_primitive_attr_create) X(dnnl_primitive_attr_destroy)                     \
    X(dnnl_primitive_attr_set_scratchpad_mode) X(dnnl_primitive_create) X(dnnl_primitive_desc_create)                  \
    X(dnnl_primitive_desc_destroy) X(dnnl_primitive_desc_query) X(dnnl_primitive_desc_query_md)                        \
    X(dnnl_primitive_destroy) X(dnnl_primitive_execute) X(dnnl_reorder_primitive_desc_create) X(dnnl_stream_create)    \
    X(dnnl_stream_destroy)

#define DNN_POINTER(name_) __typeof__(name_) *to_##name_;
struct dnn_library {
    DNN_FUNCTIONS(DNN_POINTER)
    void (*set_threads)(int threads); /* of the OpenMP runtime that the library is linked to */
    int (*threads)(void);
};
extern struct dnn_library dnn_library; /* filled once, by dnn_library_open() */

/* False: it is not there. Any thread may ask; the answer stays. */
bool dnn_library_open(void);

#ifndef DNN_LIBRARY_ITSELF
#define dnnl_convolution_backward_data_desc_init    (*dnn_library.to_dnnl_convolution_backward_data_desc_init)
#define dnnl_convolution_backward_weights_desc_init (*dnn_library.to_dnnl_convolution_backward_weights_desc_init)
#define dnnl_convolution_forward_desc_init          (*dnn_library.to_dnnl_convolution_forward_desc_init)
#define dnnl_engine_create                          (*dnn_library.to_dnnl_engine_create)
#define dnnl_engine_destroy                         (*dnn_library.to_dnnl_engine_destroy)
#define dnnl_matmul_desc_init                       (*dnn_library.to_dnnl_matmul_desc_init)
#define dnnl_memory_create                          (*dnn_library.to_dnnl_memory_create)
#define dnnl_memory_desc_equal                      (*dnn_library.to_dnnl_memory_desc_equal)
#define dnnl_memory_desc_get_size                   (*dnn_library.to_dnnl_memory_desc_get_size)
#define dnnl_memory_desc_init_by_strides            (*dnn_library.to_dnnl_memory_desc_init_by_strides)
#define dnnl_memory_desc_init_by_tag                (*dnn_library.to_dnnl_memory_desc_init_by_tag)
#define dnnl_memory_destroy                         (*dnn_library.to_dnnl_memory_destroy)
#define dnnl_memory_get_memory_desc                 (*dnn_library.to_dnnl_memory_get_memory_desc)
#define dnnl_memory_set_data_handle_v2              (*dnn_library.to_dnnl_memory_set_data_handle_v2)
#define dnnl_primitive_attr_create                  (*dnn_library.to_dnnl_primitive_attr_create)
#define dnnl_primitive_attr_destroy                 (*dnn_library.to_dnnl_primitive_attr_destroy)
#define dnnl_primitive_attr_set_scratchpad_mode     (*dnn_library.to_dnnl_primitive_attr_set_scratchpad_mode)
#define dnnl_primitive_create                       (*dnn_library.to_dnnl_primitive_create)
#define dnnl_primitive_desc_create                  (*dnn_library.to_dnnl_primitive_desc_create)
#define dnnl_primitive_desc_destroy                 (*dnn_library.to_dnnl_primitive_desc_destroy)
#define dnnl_primitive_desc_query                   (*dnn_library.to_dnnl_primitive_desc_query)
#define dnnl_primitive_desc_query_md                (*dnn_library.to_dnnl_primitive_desc_query_md)
#define dnnl_primitive_destroy                      (*dnn_library.to_dnnl_primitive_destroy)
#define dnnl_primitive_execute                      (*dnn_library.to_dnnl_primitive_execute)
#define dnnl_reorder_primitive_desc_create          (*dnn_library.to_dnnl_reorder_primitive_desc_create)
#define dnnl_stream_create                          (*dnn_library.to_dnnl_stream_create)
#define dnnl_stream_destroy                         (*dnn_library.to_dnnl_stream_destroy)
#endif
/* clang-format on */
#endif
