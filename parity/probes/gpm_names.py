"""Knows NVML's GPM metrics by number: the name of each, and the factor that brings it to the unit in the name.

Data only. Source: ``NVML_GPM_METRIC_*`` of nvml.h as the binding nvidia-ml-py 13.615.71 carries it. Percentages become
shares between 0 and 1; rates are MiB/s as the driver gives them.
"""

from __future__ import annotations

_SHARE = 0.01
MIN_INTERVAL_S = 0.1  # nvml.h: two samples should be over 100 ms apart

METRICS: dict[int, tuple[str, float]] = {
    1: ("graphics_active", _SHARE),
    2: ("sm_activity", _SHARE),
    3: ("sm_occupancy", _SHARE),
    4: ("integer_active", _SHARE),
    5: ("tensor_active", _SHARE),
    6: ("tensor_dfma_active", _SHARE),
    7: ("tensor_hmma_active", _SHARE),
    8: ("tensor_dmma_active", _SHARE),
    9: ("tensor_imma_active", _SHARE),
    10: ("dram_active", _SHARE),
    11: ("fp64_active", _SHARE),
    12: ("fp32_active", _SHARE),
    13: ("fp16_active", _SHARE),
    20: ("pcie_tx_mib_s", 1.0),
    21: ("pcie_rx_mib_s", 1.0),
    **{30 + n: (f"nvdec_{n}_active", _SHARE) for n in range(8)},
    **{40 + n: (f"nvjpg_{n}_active", _SHARE) for n in range(8)},
    50: ("nvofa_0_active", _SHARE),
    51: ("nvofa_1_active", _SHARE),
    60: ("nvlink_rx_mib_s", 1.0),
    61: ("nvlink_tx_mib_s", 1.0),
    100: ("c2c_tx_mib_s", 1.0),
    101: ("c2c_rx_mib_s", 1.0),
    102: ("c2c_data_tx_mib_s", 1.0),
    103: ("c2c_data_rx_mib_s", 1.0),
    160: ("host_memory_cache_hit", _SHARE),
    161: ("host_memory_cache_miss", _SHARE),
    162: ("peer_memory_cache_hit", _SHARE),
    163: ("peer_memory_cache_miss", _SHARE),
    164: ("dram_cache_hit", _SHARE),
    165: ("dram_cache_miss", _SHARE),
    **{166 + n: (f"nvenc_{n}_active", _SHARE) for n in range(4)},
    172: ("context_switch_requests", 1.0),
    173: ("context_switch_cycles_per_request", 1.0),
    174: ("context_switch_active", _SHARE),
}
