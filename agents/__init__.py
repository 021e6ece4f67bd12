"""The recurrent REINFORCE agents of Mnih et al. 2014 (RAM) and Ba et al. 2014 (DRAM)."""
