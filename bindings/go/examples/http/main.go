// Http is a service that asks a flag for each request:
//
//	SPLIT_SDK_KEY=localhost SPLIT_FILE=examples/flags.yaml go run ./examples/http
//	curl 'localhost:8080/?user=ann'
//
// It ends on SIGINT and SIGTERM: first the requests, then the factory, which sends what it has.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

func main() {
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := conf.Default()
	if file := os.Getenv("SPLIT_FILE"); file != "" {
		cfg.SplitFile = file
	}
	// One factory for the life of the process.
	factory, err := client.NewSplitFactory(os.Getenv("SPLIT_SDK_KEY"), cfg)
	if err != nil {
		return err
	}
	defer factory.Destroy()
	// Not ready is no reason not to serve: until then, evaluations answer "control".
	if err := factory.BlockUntilReady(5); err != nil {
		log.Print(err)
	}
	address := os.Getenv("ADDRESS")
	if address == "" {
		address = "127.0.0.1:8080"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Printf("listening on http://%s", listener.Addr())
	server := &http.Server{Handler: shop{factory.Client()}, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shop greets, and shows the new checkout to those who are to have it.
type shop struct{ split *client.SplitClient }

func (s shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	attributes := map[string]interface{}{"path": r.URL.Path}
	switch s.split.Treatment(user, "checkout", attributes) {
	case "on":
		fmt.Fprintln(w, "the new checkout")
	default:
		fmt.Fprintln(w, "the checkout")
	}
	if err := s.split.Track(user, "user", "visit", nil, nil); err != nil {
		log.Print(err)
	}
}
