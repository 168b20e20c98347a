package main

import (
	"strconv"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// answerTime is how long any reply may take.
const answerTime = 60 * time.Second

// dial connects, and logs in where there is a password.
func dial(addr, password string) (*plain.Conn, error) {
	c, err := plain.Dial(addr)
	if err != nil {
		return nil, err
	}
	c.Patience = answerTime
	if password != "" {
		if _, err := c.Do("AUTH", password); err != nil {
			_ = c.Close() // nothing is on its way
			return nil, err
		}
	}
	return c, nil
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
