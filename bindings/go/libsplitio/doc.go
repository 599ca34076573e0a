// Package libsplitio holds the header of the library, a copy of include/splitio.h, and the static libraries.
package libsplitio
