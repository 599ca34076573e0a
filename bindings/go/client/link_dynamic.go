//go:build dynamic

package client

// With the tag "dynamic": the shared library of the system, which pkg-config knows.

/*
#cgo pkg-config: splitio
*/
import "C"
