package client_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// libraryThreads are those of this process that are the library's; Go has as many of its own as it likes.
func libraryThreads(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, name := range names {
		// A thread that has ended meanwhile has no name.
		if text, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(text), "splitio-") {
			count++
		}
	}
	return count
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// B08: objects that were collected without being closed took programs down, or left their threads behind.
func TestB08DroppedFactories(t *testing.T) {
	localhost := func(*testing.T) (string, *conf.SplitSdkConfig) {
		cfg := conf.Default()
		cfg.SplitFile = "testdata/flags.yaml"
		cfg.LoggerConfig.LogLevel = logging.LevelNone
		return conf.Localhost, cfg
	}
	standalone := func(t *testing.T) (string, *conf.SplitSdkConfig) { return sdkKey, at(threeFlags(t)) }
	for name, make := range map[string]func(*testing.T) (string, *conf.SplitSdkConfig){
		"localhost": localhost, "standalone": standalone,
	} {
		t.Run(name, func(t *testing.T) {
			key, cfg := make(t)
			started(t, key, cfg).Destroy()
			eventually(t, "no thread at the start", func() bool { runtime.GC(); return libraryThreads(t) == 0 })
			before := descriptors(t)
			for i := 0; i < 200; i++ {
				factory, err := client.NewSplitFactory(key, cfg)
				if err != nil {
					t.Fatal(err)
				}
				factory.Client().Treatment("ann", "f", nil)
			}
			eventually(t, "no thread at the end", func() bool { runtime.GC(); return libraryThreads(t) == 0 })
			eventually(t, "the descriptors of the start", func() bool { return descriptors(t) <= before })
		})
	}
}
