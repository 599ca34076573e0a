//go:build race || asan

package client_test

// The race detector makes sync.Pool forget at random, and the address sanitizer keeps what is put into it apart.
const raceEnabled = true
