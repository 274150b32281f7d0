/* package: the names inside an output folder. */
#ifndef HN_OPTIMIZE_PACKAGE_H
#define HN_OPTIMIZE_PACKAGE_H

#define HN_PACKAGE_MODEL  "model.onnx"
#define HN_PACKAGE_PLAN   "model.hone"
#define HN_PACKAGE_RECIPE "recipe.lock.yaml"
#define HN_PACKAGE_HTML   "report.html"
#define HN_PACKAGE_JSON   "report.json"
#define HN_PACKAGE_TEXT   "report.txt"
#define HN_PACKAGE_LOG    "log.txt"
#define HN_PACKAGE_STATE  "state"

#endif
