// Package worker makes a client for Go a contestant of the bench: see run.py for the lines that it reads and writes.
package worker

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Client is what this project's client and Split's have in common.
type Client interface {
	Treatment(key interface{}, flag string, attributes map[string]interface{}) string
	Treatments(key interface{}, flags []string, attributes map[string]interface{}) map[string]string
	TreatmentsByFlagSet(key interface{}, set string, attributes map[string]interface{}) map[string]string
}

// WithConfig evaluates a flag, and says whether there was a configuration.
type WithConfig func(key, flag string) (treatment string, configured bool)

const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID

var (
	keys   = named("user-%015d", 0, 1000)
	team   = named("team_%d", 0, 20)
	two    = map[string]interface{}{"age": 30, "country": "us"}
	four   = map[string]interface{}{"age": 30, "country": "us", "plan": "pro", "beta": true}
	unique int
)

func named(format string, first, count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf(format, first+i)
	}
	return names
}

// Run starts a client by `start`, and does what standard input says.
func Run(start func(url, mode string) (Client, WithConfig, error)) {
	begun := time.Now()
	client, withConfig, err := start(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("ready %.3f\n", float64(time.Since(begun).Microseconds())/1e3)
	calls := scenarios(client, withConfig)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var scenario string
		var threads, count int
		if _, err := fmt.Sscan(lines.Text(), &scenario, &threads, &count); err != nil {
			fmt.Fprintln(os.Stderr, lines.Text(), err)
			os.Exit(2)
		}
		if scenario == "await" {
			before := calls["probe"](keys, 1)
			fmt.Println("waiting")
			for calls["probe"](keys, 1) == before {
				runtime.Gosched()
			}
			fmt.Println(time.Now().UnixNano())
			continue
		}
		answer(calls, scenario, threads, count)
	}
	os.Exit(0) // nothing is left to be sent
}

// What is done with keys in turn, so many times; how many answers are "on".
func scenarios(client Client, withConfig WithConfig) map[string]func([]string, int) int {
	one := func(flag string, attributes func() map[string]interface{}) func([]string, int) int {
		return func(keys []string, calls int) (on int) {
			for i, key := 0, 0; i < calls; i++ {
				if client.Treatment(keys[key], flag, attributes()) == "on" {
					on++
				}
				if key++; key == len(keys) {
					key = 0
				}
			}
			return on
		}
	}
	many := func(ask func(key string) map[string]string) func([]string, int) int {
		return func(keys []string, calls int) (on int) {
			for i := 0; i < calls; i++ {
				for _, treatment := range ask(keys[i%len(keys)]) {
					if treatment == "on" {
						on++
					}
				}
			}
			return on
		}
	}
	none := func() map[string]interface{} { return nil }
	kept := func(made map[string]interface{}) func() map[string]interface{} {
		return func() map[string]interface{} { return made }
	}
	return map[string]func([]string, int) int{
		"5050":      one("5050", none),
		"whitelist": one("whitelist", none),
		"attr":      one("attr", kept(two)),
		"probe":     one("probe", none),
		"member":    one("member", none),
		"segment":   one("segment", none),
		"kept":      one("four", kept(four)),
		"fresh": one("four", func() map[string]interface{} {
			return map[string]interface{}{"age": 30, "country": "us", "plan": "pro", "beta": true}
		}),
		"config": func(keys []string, calls int) (on int) {
			for i := 0; i < calls; i++ {
				if treatment, configured := withConfig(keys[i%len(keys)], "configured"); treatment == "on" && configured {
					on++
				}
			}
			return on
		},
		"twenty": many(func(key string) map[string]string { return client.Treatments(key, team, nil) }),
		"set":    many(func(key string) map[string]string { return client.TreatmentsByFlagSet(key, "team", nil) }),
	}
}

func answer(calls map[string]func([]string, int) int, scenario string, threads, count int) {
	flag := scenario
	if scenario == "unique" || scenario == "hundred" {
		flag = "5050"
	}
	call, known := calls[flag]
	if !known {
		fmt.Println("-")
		return
	}
	asked := make([][]string, threads)
	for i := range asked {
		asked[i] = keys
		switch scenario {
		case "unique":
			asked[i] = named("new-%016d", unique, count)
			unique += count
		case "hundred":
			asked[i] = keys[:100]
		}
	}
	var used [2]int64
	var on [2]int
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := 0; i < threads; i++ {
		ready.Add(1)
		done.Add(1)
		go func(i int) {
			defer done.Done()
			runtime.LockOSThread() // and never unlocked: the thread ends with its pin
			if threads > 1 {
				pin(i)
			}
			ready.Done()
			<-start
			before := threadCPU()
			on[i] = call(asked[i], count)
			used[i] = threadCPU() - before
		}(i)
	}
	ready.Wait()
	begun := time.Now()
	close(start)
	done.Wait()
	all := float64(threads * count)
	took := float64(time.Since(begun).Nanoseconds())
	fmt.Printf("%.1f %.1f %d -\n", float64(used[0]+used[1])/all, took/all, on[0]+on[1])
}

// pin keeps the thread on the i-th CPU of those it may use.
func pin(i int) {
	var usable, one [16]uint64
	size := unsafe.Sizeof(usable)
	syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, size, uintptr(unsafe.Pointer(&usable)))
	for cpu := 0; cpu < len(usable)*64; cpu++ {
		if usable[cpu/64]&(1<<(cpu%64)) == 0 {
			continue
		}
		if i == 0 {
			one[cpu/64] = 1 << (cpu % 64)
			syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, size, uintptr(unsafe.Pointer(&one)))
			return
		}
		i--
	}
}

// Nanoseconds of CPU time of this thread.
func threadCPU() int64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}
