/* The data sets that come with the runner. */
#include <runner/dataset.h>
#include <runner/plugin.h>

extern const rn_dataset dataset_cifar10, dataset_dead_leaves, dataset_idx, dataset_image_folder, dataset_tar;

RN_PLUGIN(.name = "datasets", .version = "0.1.0", .licence = "MIT",
          .datasets = (const rn_dataset *const[]){&dataset_cifar10, &dataset_dead_leaves, &dataset_idx,
                                                  &dataset_image_folder, &dataset_tar, NULL});
