// Script evaluates a flag for some keys, without a network:
//
//	go run ./examples/script examples/flags.yaml ann bob
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: script FILE KEY...")
	}
	cfg := conf.Default()
	cfg.SplitFile = os.Args[1]
	factory, err := client.NewSplitFactory(conf.Localhost, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer factory.Destroy()
	if err := factory.BlockUntilReady(5); err != nil {
		log.Print(err)
		return
	}
	split := factory.Client()
	for _, key := range os.Args[2:] {
		result := split.TreatmentWithConfig(key, "checkout", nil)
		fmt.Printf("checkout for %s: %s", key, result.Treatment)
		if result.Config != nil {
			fmt.Printf(", with %s", *result.Config)
		}
		fmt.Println()
	}
}
