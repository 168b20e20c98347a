package dunlin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// exampleURL is a plain Redis that lives as long as the examples run; "" = there is none.
var exampleURL string

// TestExamples runs the examples below against a server of its own and compares what they print.
func TestExamples(t *testing.T) {
	for name, example := range map[string]struct {
		run  func()
		want string
	}{
		"Write":  {ExampleClient_Write, "stored <nil>\nrefused refused: " + series.ErrValue.Error() + "\n"},
		"Add":    {ExampleClient_Add, "3 stored\n"},
		"Do":     {ExampleClient_Do, "1 true [1795348800:3]\n"},
		"Range":  {ExampleClient_Range, "12:00:00 12.5\n12:00:10 13\n"},
		"All":    {ExampleClient_All, "1 reply, 0 differ\n"},
		"Shared": {ExampleShared, "true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			exampleURL = redistest.Start(t).URL
			defer func() { exampleURL = "" }()
			if got := printed(t, example.run); got != example.want {
				t.Errorf("printed %q, want %q", got, example.want)
			}
		})
	}
}

// printed gives what a function prints.
func printed(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	f()
	os.Stdout = stdout
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exampleClient is the client of an example. A real one has a File, and the defaults for the rest.
func exampleClient() *dunlin.Client {
	client, err := dunlin.Open(context.Background(), dunlin.Config{URL: exampleURL, Timeout: 5 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

var exampleTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ExampleClient_Write() {
	client := exampleClient()
	defer client.Close()
	results, err := client.Write(context.Background(), []dunlin.Point{
		{Host: "web17", Metric: "cpu.user", Time: exampleTime, Value: "12.5"},
		{Host: "web17", Metric: "cpu.user", Time: exampleTime, Value: ""},
	})
	if errors.Is(err, dunlin.ErrUnavailable) {
		log.Print("try again later: ", err)
	}
	for _, r := range results {
		fmt.Println(r.Status, r.Err)
	}
}

func ExampleClient_Add() {
	client := exampleClient()
	defer client.Close()
	for i := range 3 {
		at := exampleTime.Add(time.Duration(i) * time.Second)
		err := client.Add(context.Background(), dunlin.Point{Host: "web17", Metric: "load.1", Time: at, Value: "0.42"})
		if err != nil {
			log.Print(err)
		}
	}
	if err := client.Flush(context.Background()); err != nil {
		log.Print(err)
	}
	fmt.Println(client.Stats().Stored, "stored")
}

func ExampleClient_Do() {
	client := exampleClient()
	defer client.Close()
	replies, err := client.Do().
		Group("web17"). // all of it goes where the series of web17 are
		ZAdd("2026-11-22:web17:deploys", 1795348800, "1795348800:3").
		Get("no such key").
		ZRange("2026-11-22:web17:deploys", 0, -1).
		Exec(context.Background())
	if err != nil {
		log.Print(err)
	}
	fmt.Println(replies[0].Value, replies[1].Value == nil, replies[2].Value)
}

func ExampleClient_Range() {
	client := exampleClient()
	defer client.Close()
	_, err := client.Write(context.Background(), []dunlin.Point{
		{Host: "web17", Metric: "cpu.user", Time: exampleTime, Value: "12.5"},
		{Host: "web17", Metric: "cpu.user", Time: exampleTime.Add(10 * time.Second), Value: "13"},
	})
	if err != nil {
		log.Print(err)
	}
	points, err := client.Range(context.Background(), dunlin.Query{
		Host: "web17", Metric: "cpu.user", From: exampleTime, To: exampleTime.Add(time.Minute),
	})
	if errors.Is(err, dunlin.ErrPartial) {
		log.Print("some points may be on nodes that can not be asked: ", err)
	} else if err != nil {
		log.Print(err)
	}
	for _, p := range points {
		fmt.Println(p.Time.Format(time.TimeOnly), p.Value)
	}
}

func ExampleClient_All() {
	client := exampleClient()
	defer client.Close()
	replies := client.All(context.Background(), "DBSIZE")
	for _, r := range dunlin.Compare(replies) {
		log.Printf("%s says something else: %v %v", r.Node, r.Value, r.Err)
	}
	fmt.Println(len(replies), "reply,", len(dunlin.Compare(replies)), "differ")
}

func ExampleShared() {
	config := dunlin.Config{URL: exampleURL}
	one, err := dunlin.Shared("metrics", config)
	if err != nil {
		log.Print(err)
		return
	}
	defer one.Close()
	two, err := dunlin.Shared("metrics", config) // the same instance
	if err != nil {
		log.Print(err)
		return
	}
	defer two.Close()
	fmt.Println(one.Topology() == two.Topology())
}
