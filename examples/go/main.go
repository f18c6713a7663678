// Command go receives webhooks behind Hookgate.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
)

func main() {
	var done sync.Map // in a real app: a unique column, written in the transaction that does the work
	http.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Hookgate-Source") == "" { // the one rule: only a verified webhook has it
			http.Error(w, "not a verified webhook", http.StatusForbidden)
			return
		}
		if _, known := done.LoadOrStore(r.Header.Get("Hookgate-Idempotency-Key"), true); !known {
			fmt.Println("processing", r.Header.Get("Hookgate-Event-Type"), r.Header.Get("Hookgate-Id"))
		} // known or not, the answer is 200
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)) //nolint:gosec // timeouts: the gateway in front has them
}
