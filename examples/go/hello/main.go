package main

import (
	"fmt"
	"log"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

func main() {
	cfg := conf.Default()
	cfg.SplitFile = "flags.yaml"
	factory, err := client.NewSplitFactory("localhost", cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer factory.Destroy()
	if err := factory.BlockUntilReady(5); err != nil {
		log.Print(err) // every treatment is "control" until it is ready
	}
	attributes := map[string]interface{}{"age": 30, "plan": "pro"}
	result := factory.Client().TreatmentWithConfig("ann", "new_checkout", attributes)
	if result.Config != nil {
		fmt.Println(result.Treatment, *result.Config)
	}
}
