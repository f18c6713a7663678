package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgate/hookgate/verifier"
)

// bareArgument makes this program the bare loop. It has a process of its own, as the
// gateway has, so that both have the sink beside them, and CPU time of their own.
const bareArgument = "bare"

// bareJob is what the bare loop is to post: each message to each URL, by as many workers a
// URL as the gateway makes attempts at once.
type bareJob struct {
	URLs            []string
	Slice, Messages int
	Workers         int
	Payload         []byte // marked
}

// bareWorkers is the gateway's own default.
const bareWorkers = 16

// runBare does jobs, one a line, and answers each with a line.
func runBare(ctx context.Context, in io.Reader, out io.Writer) error {
	scheme, ok := verifier.Preset("svix")
	if !ok {
		return errors.New("there is no preset svix")
	}
	signer, err := verifier.NewSigner(scheme, []string{secret}, verifier.Options{})
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: bareWorkers, DisableCompression: true}}
	defer client.CloseIdleConnections()
	jobs := json.NewDecoder(in)
	for {
		var job bareJob
		if err := jobs.Decode(&job); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := job.run(ctx, client, signer); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, "done"); err != nil {
			return err
		}
	}
}

func (j *bareJob) run(ctx context.Context, client *http.Client, signer *verifier.Signer) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, url := range j.URLs {
		next := new(atomic.Int64)
		for range j.Workers {
			group.Go(func() error {
				for i := int(next.Add(1)) - 1; i < j.Messages; i = int(next.Add(1)) - 1 {
					if err := j.post(ctx, client, signer, url, i); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return group.Wait()
}

// post is all that a delivery needs: sign, post, read the answer.
func (j *bareJob) post(ctx context.Context, client *http.Client, signer *verifier.Signer, url string, message int) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	body := remark(j.Payload, j.Slice, message)
	header, err := signer.Sign(verifier.Message{ID: fmt.Sprintf("msg_%06d_%020d", j.Slice, message), Timestamp: time.Now(), Body: body})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	header.Set("Content-Type", "application/json")
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}

// bareLoop is the process. Of server it has what is asked for CPU time.
type bareLoop struct {
	*server
	in  io.WriteCloser
	out io.Reader
}

// startBare starts it. It runs until it is closed.
func startBare(ctx context.Context) (*bareLoop, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, bareArgument)
	cmd.Stderr = os.Stderr
	b := &bareLoop{server: &server{name: bareArgument, cmd: cmd}}
	if b.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if b.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return b, cmd.Start()
}

// do has a job done.
func (b *bareLoop) do(job bareJob) error {
	if err := json.NewEncoder(b.in).Encode(job); err != nil {
		return fmt.Errorf("the bare loop has ended: %w", err)
	}
	var word string
	if _, err := fmt.Fscanln(b.out, &word); err != nil || word != "done" {
		return fmt.Errorf("the bare loop has failed: %q, %w", word, err)
	}
	return nil
}

func (b *bareLoop) close() error {
	return errors.Join(b.in.Close(), b.cmd.Wait())
}
