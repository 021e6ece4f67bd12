"""The papers' agent: DRAM of Ba et al. 2014, and RAM of Mnih et al. 2014, which is a part of it."""
