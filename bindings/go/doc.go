// Package splitio is the version of Split's feature flags (Harness FME) for Go, evaluated by libsplitio.
//
// Programs import the packages client and conf, which have the public API of Split's own client:
//
//	factory, err := client.NewSplitFactory("YOUR_SDK_KEY", conf.Default())
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer factory.Destroy()
//	if err := factory.BlockUntilReady(5); err != nil {
//		log.Print(err)
//	}
//	split := factory.Client()
//	if split.Treatment("user-42", "new_checkout", nil) == "on" {
//		// ...
//	}
package splitio

// Version is what Split's back end sees of this SDK, after "go-".
const Version = "1.0.0"
