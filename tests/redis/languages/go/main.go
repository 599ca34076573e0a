// Redis from Go: evaluates and tracks on the Redis at a port of this machine, and prints what it is told.
//
//	go run -tags dynamic . PORT PREFIX
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	cfg := conf.Default()
	cfg.OperationMode = conf.RedisConsumer
	cfg.Redis = conf.RedisConfig{Host: "127.0.0.1", Port: port, Prefix: os.Args[2]}
	factory, err := client.NewSplitFactory("an-sdk-key", cfg)
	if err != nil {
		fmt.Println("no factory:", err)
		os.Exit(1)
	}
	split := factory.Client()
	fmt.Println(split.Treatment("alice", "checkout_v2", nil))
	result := split.TreatmentWithConfig("alice", "checkout_v2", nil)
	fmt.Println(result.Treatment, *result.Config)
	fmt.Println(split.Track("alice", "user", "from.Go", 42.5, nil))
	fmt.Println(len(factory.Manager().SplitNames()))
	factory.Destroy()
}
