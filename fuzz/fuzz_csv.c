/* fuzz_csv: any bytes as CSV, with the usual label column and with a named one. */
#include "fuzz/data_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_data_file(data, size, "csv", NULL);
    fuzz_data_file(data, size, "csv", "a");
    return 0;
}
