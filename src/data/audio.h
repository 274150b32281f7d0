/* audio: sound files (WAV, FLAC, Ogg: what libsndfile knows) in memory to one channel of floats. */
#ifndef HN_DATA_AUDIO_H
#define HN_DATA_AUDIO_H

#include "base/arena.h"
#include "tensor/tensor.h"

/* Channels are averaged; integer samples become [-1, 1). out is f32[frames]. HN_LIMIT above max_bytes of output (0: 4
 * GiB). `rate` (may be NULL) gets the samples per second. */
hn_status hn_audio_decode(hn_env *env, hn_arena *arena, const void *bytes, size_t size, size_t max_bytes,
                          hn_tensor *out, int *rate) HN_MUST_CHECK;

#endif
