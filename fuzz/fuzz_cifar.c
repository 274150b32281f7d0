/* fuzz_cifar: any bytes as a CIFAR file, plain or gzipped. */
#include "fuzz/data_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_data_file(data, size, "cifar", NULL);
    return 0;
}
