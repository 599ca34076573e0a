// Explain tells why a user gets a treatment, in the directory examples/data.
package main

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

func main() {
	cfg := conf.Default()
	cfg.SplitFile = "environment.json"
	cfg.Options = map[string]interface{}{"segmentDirectory": "segments"}
	factory, err := client.NewSplitFactory(conf.Localhost, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer factory.Destroy()
	if err := factory.BlockUntilReady(5); err != nil {
		log.Print(err)
	}
	split := factory.Client()
	// doc: explain
	account, err := split.Explain("zoe", "loyalty_tier", map[string]interface{}{"orders": 12})
	if err != nil {
		log.Print(err) // nothing was evaluated; the account says what the answer is all the same
	}
	fmt.Printf("%s: %s\n", account.Treatment, account.Label)
	var evaluation struct {
		Steps []struct {
			Step, Label string
			Result      bool
		}
	}
	if err := json.Unmarshal(account.Evaluation, &evaluation); err != nil {
		log.Print(err)
	}
	for _, step := range evaluation.Steps {
		if step.Step == "condition" {
			fmt.Println(map[bool]string{true: "yes", false: "no"}[step.Result], step.Label)
		}
	}
	// doc: end
}
