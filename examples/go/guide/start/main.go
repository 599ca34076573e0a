// Start is a program as one begins. With the SDK key "localhost" its flags are those of .split in the home directory.
package main

// doc: start
import (
	"fmt"
	"log"
	"os"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

// doc: end

func main() {
	// doc: start
	cfg := conf.Default()
	// doc: end
	cfg.SplitFile = os.Getenv("HOME") + "/.split"
	// doc: start
	factory, err := client.NewSplitFactory(os.Getenv("SPLIT_SDK_KEY"), cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer factory.Destroy()
	if err := factory.BlockUntilReady(5); err != nil {
		log.Print(err) // every treatment is "control" until it is ready
	}
	split := factory.Client()
	if split.Treatment("user-42", "new_checkout", map[string]interface{}{"plan": "pro"}) == "on" {
		fmt.Println("the new checkout")
	}
	// doc: end
}
