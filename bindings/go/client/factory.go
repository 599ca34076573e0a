// Package client evaluates feature flags. Its public API is that of the package of the same name of Split's own client.
//
// A program makes one factory, waits until it is ready, and evaluates from any goroutine:
//
//	factory, err := client.NewSplitFactory("YOUR_SDK_KEY", conf.Default())
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer factory.Destroy() // sends what is queued
//	if err := factory.BlockUntilReady(5); err != nil {
//		log.Print(err) // until it is ready, every treatment is "control"
//	}
//	split := factory.Client()
//	if split.Treatment("user-42", "new_checkout", map[string]interface{}{"plan": "pro"}) == "on" {
//		_ = split.Track("user-42", "user", "checkout_seen", nil, nil)
//	}
//
// With conf.Localhost instead of an SDK key, flags come from a file, without a network.
package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/cgo"
	"strings"
	"sync/atomic"
	"time"

	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// SplitFactory is a running SDK: its definitions, its queues, its threads. Made by NewSplitFactory; its methods may be
// called at once.
type SplitFactory struct {
	native native
	logger logging.LoggerInterface
	// Closed when the library has no line of the log left.
	silent     chan struct{}
	destroying atomic.Bool
}

// NewSplitFactory starts a factory and returns at once; definitions arrive later (see BlockUntilReady). A nil
// configuration is conf.Default.
//
// It fails when the SDK key or the configuration cannot work, not when Split cannot be reached: that is retried. With
// conf.RedisConsumer it connects first, fails when Redis does not answer, and gives a factory that is ready.
func NewSplitFactory(apikey string, cfg *conf.SplitSdkConfig) (*SplitFactory, error) {
	if cfg == nil {
		cfg = conf.Default()
	}
	if strings.ContainsRune(apikey, 0) {
		return nil, errors.New("factory instantiation: the SDK key has a NUL in it")
	}
	logger, level := loggerOf(cfg)
	given, err := configuration(apikey, cfg, level)
	if err != nil {
		return nil, err
	}
	var listener cgo.Handle
	if cfg.Advanced.ImpressionListener != nil {
		listener = cgo.NewHandle(&listening{cfg.Advanced.ImpressionListener, logger})
	}
	made, failure := newNative(&given, listener)
	if failure != nil {
		return nil, failure
	}
	factory := &SplitFactory{native: made, logger: logger, silent: make(chan struct{})}
	go deliver(made, logger, factory.silent)
	// One that nobody can reach any more sends what it has, and ends.
	runtime.SetFinalizer(factory, abandon)
	return factory, nil
}

func abandon(factory *SplitFactory) {
	// Not on the goroutine of the finalizers, which must not wait.
	go func() {
		factory.native.destroy(-1)
		<-factory.silent
		factory.native.free()
	}()
}

// Client is what evaluates flags.
func (f *SplitFactory) Client() *SplitClient { return &SplitClient{factory: f} }

// Manager describes the flags.
func (f *SplitFactory) Manager() *SplitManager { return &SplitManager{factory: f} }

// IsReady tells whether the factory answers from definitions.
func (f *SplitFactory) IsReady() bool {
	ready := f.native.ready()
	runtime.KeepAlive(f)
	return ready
}

// IsDestroyed tells whether Destroy has been called.
func (f *SplitFactory) IsDestroyed() bool {
	destroyed := f.destroying.Load() || f.native.destroyed()
	runtime.KeepAlive(f)
	return destroyed
}

// BlockUntilReady waits until the factory is ready, for so many seconds at most. It fails when that was not enough, when
// Split does not accept the SDK key, when the factory is destroyed, and when timer is not positive.
func (f *SplitFactory) BlockUntilReady(timer int) error {
	if f.IsReady() {
		return nil
	}
	if timer <= 0 {
		return errors.New("SDK Initialization: timer must be positive number")
	}
	milliseconds := int64(math.MaxInt64)
	if int64(timer) < milliseconds/1000 {
		milliseconds = int64(timer) * 1000
	}
	status := f.native.blockUntilReady(milliseconds)
	runtime.KeepAlive(f)
	if status == statusTimeout {
		return fmt.Errorf("SDK Initialization: time of %d exceeded", timer)
	}
	return readiness(status)
}

// BlockUntilReadyContext is BlockUntilReady for as long as a context allows.
func (f *SplitFactory) BlockUntilReadyContext(ctx context.Context) error {
	const slice = 100
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		status := f.native.blockUntilReady(slice)
		runtime.KeepAlive(f)
		if status != statusTimeout {
			return readiness(status)
		}
	}
}

func readiness(status int) error {
	if status == statusOK {
		return nil
	}
	return &Error{Status: status, Message: "SDK Initialization failed: " + statusText(status)}
}

// Flush sends what is queued (impressions, events, telemetry), and waits for that and for the impression listener, for as
// long as a context allows. It fails at once when the listener itself calls it. Split's client has no such method.
func (f *SplitFactory) Flush(ctx context.Context) error {
	// The library cannot see it: it is called on another thread, below.
	if inListener() {
		return &Error{Status: statusReentrant, Message: "flush: " + statusText(statusReentrant)}
	}
	// In one call: a flush that times out gives up the post under way, which is then sent once more.
	ended := make(chan int, 1)
	milliseconds := int64(-1)
	if deadline, ok := ctx.Deadline(); ok {
		if milliseconds = time.Until(deadline).Milliseconds(); milliseconds < 0 {
			milliseconds = 0
		}
	}
	go func() {
		ended <- f.native.flush(milliseconds)
		runtime.KeepAlive(f)
	}()
	select {
	case status := <-ended:
		if status == statusOK {
			return nil
		}
		return &Error{Status: status, Message: "flush: " + statusText(status)}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Destroy sends what is queued, for up to ten seconds, and stops the factory: from then on evaluations give "control".
// From an impression listener it returns at once, and the rest happens when the listener has returned. A second call
// waits for the first.
func (f *SplitFactory) Destroy() {
	f.destroying.Store(true)
	if f.native.destroy(-1) == statusReentrant {
		go f.Destroy()
		return
	}
	// The logger has all lines by then, unless it is the one that calls.
	select {
	case <-f.silent:
	case <-time.After(time.Second):
	}
	runtime.KeepAlive(f)
}
