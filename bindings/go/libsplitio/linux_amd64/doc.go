// Package linux_amd64 holds the static library for Linux on x86_64. It is put there by scripts/go-library.
package linux_amd64
