/* support: so that the library of test helpers always has a file. */
typedef int hn_test_support_unused;
