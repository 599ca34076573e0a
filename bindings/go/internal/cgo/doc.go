// Package cgo does not compile without cgo, and says so: the package client imports it then. In there the compiler would
// say what is undefined, and not why.
package cgo
