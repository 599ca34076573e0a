//go:build !race && !asan

package client_test

const raceEnabled = false
