package dedupe_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

func Example() {
	memory, err := dedupe.New(dedupe.Config{
		Window:  72 * time.Hour,
		Protect: 10 * time.Minute,
		Entries: 1_000_000,
	}, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	working := false // the first attempt fails

	receive := func(id, body string) error {
		key := dedupe.IDBodyKey("billing", id, sha256.Sum256([]byte(body)))
		claim, err := memory.Claim(context.Background(), key, 2*time.Second)
		if err != nil {
			return err
		}
		defer claim.Release() // does nothing after Commit
		if !working {
			return errors.New("the app is down")
		}
		claim.Commit()
		return nil
	}
	fmt.Println(receive("evt_1", "paid"))
	working = true
	fmt.Println(receive("evt_1", "paid"))
	fmt.Println(receive("evt_1", "paid"))
	// Output:
	// the app is down
	// <nil>
	// dedupe: the event is a duplicate
}
