package client_test

import (
	"fmt"
	"log"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
	impressionlistener "github.com/libsplitio/libsplitio/bindings/go/impressionListener"
)

// localhost is a factory that reads a file, for examples that run without a network.
func localhost(change func(*conf.SplitSdkConfig)) *client.SplitFactory {
	cfg := conf.Default()
	cfg.SplitFile = "testdata/flags.yaml"
	change(cfg)
	factory, err := client.NewSplitFactory(conf.Localhost, cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := factory.BlockUntilReady(5); err != nil {
		log.Fatal(err)
	}
	return factory
}

func ExampleNewSplitFactory() {
	cfg := conf.Default()
	cfg.SplitFile = "testdata/flags.yaml"
	// Instead of conf.Localhost, your SDK key.
	factory, err := client.NewSplitFactory(conf.Localhost, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer factory.Destroy()
	if err := factory.BlockUntilReady(5); err != nil {
		log.Print(err)
	}
	fmt.Println(factory.Client().Treatment("ann", "checkout", nil))
	// Output: on
}

func ExampleSplitClient_TreatmentWithConfig() {
	factory := localhost(func(*conf.SplitSdkConfig) {})
	defer factory.Destroy()
	result := factory.Client().TreatmentWithConfig("ann", "checkout", map[string]interface{}{"plan": "pro"})
	if result.Config != nil {
		fmt.Println(result.Treatment, *result.Config)
	}
	// Output: on {"color":"blue"}
}

func ExampleSplitClient_WithEvaluationOptions() {
	factory := localhost(func(*conf.SplitSdkConfig) {})
	defer factory.Destroy()
	inCart := factory.Client().WithEvaluationOptions(client.EvaluationOptions{
		Properties: map[string]interface{}{"page": "cart"},
	})
	fmt.Println(inCart.Treatment("bob", "checkout", nil))
	// Output: off
}

func ExampleSplitManager_Split() {
	factory := localhost(func(*conf.SplitSdkConfig) {})
	defer factory.Destroy()
	fmt.Println(factory.Manager().SplitNames())
	// Output: [checkout]
}

type printer struct{ heard chan struct{} }

func (p printer) LogImpression(data impressionlistener.ILObject) {
	fmt.Println(data.Impression.KeyName, data.Impression.FeatureName, data.Impression.Treatment)
	close(p.heard)
}

func Example_impressionListener() {
	heard := make(chan struct{})
	factory := localhost(func(cfg *conf.SplitSdkConfig) { cfg.Advanced.ImpressionListener = printer{heard} })
	defer factory.Destroy()
	factory.Client().Treatment("ann", "checkout", nil)
	<-heard
	// Output: ann checkout on
}
