"""A fault on purpose, as planted.c has them: a length that is longer than what it is the length of."""

import ctypes
import os

library = ctypes.CDLL(os.environ["SPLITIO_LIBRARY"])
library.split_attributes_new.restype = ctypes.c_void_p
library.split_attributes_set_string_n.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_size_t,
]
key = b"k" * 1000
library.split_attributes_set_string_n(library.split_attributes_new(), key, 2000, key, 2000)
