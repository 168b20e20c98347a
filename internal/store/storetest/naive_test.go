package storetest

import (
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store"
)

func TestNaive_contract(t *testing.T) {
	Run(t, func(*testing.T) store.Store {
		return NewNaive(NaiveConfig{Layout: Layout, Cluster: Cluster, Epoch: "e", Clock: time.Now})
	})
}
