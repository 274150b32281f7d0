/* lib_optimize: what optimize and quantize share: the options, the plan that is told first, the result. */
#ifndef HONE_CMD_LIB_OPTIMIZE_H
#define HONE_CMD_LIB_OPTIMIZE_H

#include "cmd/cmd.h"

/* Tell what will be done, run the job, print the result. Exit code. */
int cmd_optimize_run(cmd_context *c, hone_optimize_options *o);

#endif
