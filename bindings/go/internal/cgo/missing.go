//go:build !cgo

package cgo

var _ = libsplitio_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
