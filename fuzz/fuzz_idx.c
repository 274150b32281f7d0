/* fuzz_idx: any bytes as a IDX file, plain or gzipped. */
#include "fuzz/data_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_data_file(data, size, "idx", NULL);
    return 0;
}
