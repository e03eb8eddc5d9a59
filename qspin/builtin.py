"""What qspin brings: one table a kind, name -> where it is. Adding one is a file and a line here."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BACKENDS", "EXECUTORS", "MEASURES", "SOURCES", "STUDIES", "Builtin"]


class Builtin(NamedTuple):
    path: str
    module: str | None = None  # an optional dependency ...
    extra: str | None = None  # ... and the extra of qspin that installs it


BACKENDS = {
    "exact": Builtin("qspin_backends.exact:Exact"),
    "tempering": Builtin("qspin_backends.tempering:Tempering"),
    "annealer": Builtin("qspin_backends.annealer:Annealer", module="dwave.system", extra="dwave"),
    "qaoa": Builtin("qspin_backends.qaoa:Qaoa", module="qiskit_aer", extra="qiskit"),
    "samples": Builtin("qspin_backends.given:Given"),
    "ocean": Builtin("qspin_backends.ocean:Ocean", module="dwave.samplers", extra="dwave"),
}

SOURCES = {
    "biclique": Builtin("qspin.instances:biclique"),
    "binary_network": Builtin("qspin.networks.perceptrons:binary_network"),
    "binary_perceptron": Builtin("qspin.networks.perceptrons:binary_perceptron"),
    "boltzmann": Builtin("qspin.networks.training.boltzmann:Boltzmann", module="torch", extra="torch"),
    "committee_machine": Builtin("qspin.networks.perceptrons:committee_machine"),
    "cubic_dimers": Builtin("qspin.instances:cubic_dimers"),
    "diamond": Builtin("qspin.instances:diamond"),
    "dense_memory": Builtin("qspin.networks.memories.sources:dense_memory"),
    "edwards_anderson": Builtin("qspin.instances:edwards_anderson"),
    "hopfield": Builtin("qspin.instances:hopfield"),
    "file": Builtin("qspin.formats.instance_file:InstanceFile"),
    "in_context": Builtin("qspin.networks.in_context.relaxed:in_context"),
    "lattice_ferromagnet": Builtin("qspin.instances:lattice_ferromagnet"),
    "mattis": Builtin("qspin.instances:mattis"),
    "maxcut_regular": Builtin("qspin.instances:maxcut_regular"),
    "mlp": Builtin("qspin.networks.training.sources:Mlp"),
    "model": Builtin("qspin.networks.files.source:Model", module="torch", extra="torch"),
    "network": Builtin("qspin.networks.module_source:Network", module="torch", extra="torch"),
    "pegasus": Builtin("qspin.instances:pegasus"),
    "pseudo_inverse": Builtin("qspin.instances.pseudo_inverse:pseudo_inverse"),
    "random_feature_training": Builtin("qspin.networks.random_features:random_feature_training"),
    "random_features": Builtin("qspin.networks.random_features:random_feature_network"),
    "sherrington_kirkpatrick": Builtin("qspin.instances:sherrington_kirkpatrick"),
    "storkey": Builtin("qspin.networks.memories.sources:storkey_memory"),
    "symmetric_perceptron": Builtin("qspin.networks.perceptrons:symmetric_perceptron"),
    "trained": Builtin("qspin.networks.training.sources:Trained", module="torch", extra="torch"),
    "wishart": Builtin("qspin.instances:wishart"),
    "zephyr": Builtin("qspin.instances:zephyr"),
}

MEASURES = {
    "approximation_ratio": Builtin("qspin.measures.solutions:ApproximationRatio"),
    "chain_diagnostics": Builtin("qspin.measures.equilibrium:ChainDiagnostics"),
    "compare": Builtin("qspin.measures.against:Compare"),
    "correlation_length": Builtin("qspin.measures.parts:CorrelationLength"),
    "cross_overlaps": Builtin("qspin.measures.against:CrossOverlaps"),
    "dissimilarity_curve": Builtin("qspin.measures.transitions:DissimilarityCurve"),
    "distance_overlaps": Builtin("qspin.measures.parts:DistanceOverlaps"),
    "diversity": Builtin("qspin.measures.solutions:Diversity"),
    "effective_temperature": Builtin("qspin.measures.against:FittedTemperature"),
    "energy_curve": Builtin("qspin.measures.energy:EnergyCurve"),
    "energy_distribution": Builtin("qspin.measures.solutions:EnergyDistribution"),
    "fair_sampling": Builtin("qspin.measures.ground_states:FairSampling"),
    "find_states": Builtin("qspin.measures.landscape:FindStates"),
    "free_energy_curve": Builtin("qspin.measures.free_energy:FreeEnergyCurve"),
    "ground_energy": Builtin("qspin.measures.ground:GroundEnergy"),
    "group_overlap_curve": Builtin("qspin.measures.parts:GroupOverlapCurve"),
    "landscape_nulls": Builtin("qspin.measures.nulls:LandscapeNulls"),
    "link_overlap_curve": Builtin("qspin.measures.overlaps:LinkOverlapCurve"),
    "link_overlap_distribution": Builtin("qspin.measures.overlaps:LinkOverlapDistribution"),
    "lowest_energies": Builtin("qspin.measures.solutions:LowestEnergies"),
    "magnetisation_curve": Builtin("qspin.measures.energy:MagnetisationCurve"),
    "overlap_curve": Builtin("qspin.measures.overlaps:OverlapCurve"),
    "overlap_distribution": Builtin("qspin.measures.overlaps:OverlapDistribution"),
    "pair_correlations": Builtin("qspin.measures.correlations:PairCorrelations"),
    "pattern_overlap_curve": Builtin("qspin.measures.parts:PatternOverlapCurve"),
    "record": Builtin("qspin.measures.record:Record"),
    "residual_energy": Builtin("qspin.measures.solutions:ResidualEnergy"),
    "reweighted_curve": Builtin("qspin.measures.energy:ReweightedCurve"),
    "rigidity": Builtin("qspin.measures.landscape:Rigidity"),
    "site_overlaps": Builtin("qspin.measures.parts:SiteOverlaps"),
    "spin_mean": Builtin("qspin.measures.spin_mean:SpinMean"),
    "states_by_energy": Builtin("qspin.measures.landscape:StatesByEnergy"),
    "success_probability": Builtin("qspin.measures.solutions:SuccessProbability"),
    "total_variation": Builtin("qspin.measures.exactness:TotalVariation"),
    "ultrametricity": Builtin("qspin.measures.landscape:Ultrametricity"),
    "valleys": Builtin("qspin.measures.landscape:Valleys"),
}

STUDIES = {
    "overlaps": Builtin("qspin.studies.overlaps:Overlaps"),
    "equilibrium": Builtin("qspin.studies.equilibrium:Equilibrium"),
    "comparison": Builtin("qspin.studies.comparison:Comparison"),
    "landscape": Builtin("qspin.studies.landscape:Landscape"),
    "time_to_solution": Builtin("qspin.studies.time_to_solution:TimeToSolution"),
    "boltzmann_backends": Builtin("qspin.studies.boltzmann_backends:BoltzmannBackends"),
    "epochs": Builtin("qspin.studies.epochs:Epochs"),
    "inspection": Builtin("qspin.studies.inspection:Inspection"),
    "own_temperature": Builtin("qspin.studies.own_temperature:OwnTemperature"),
    "finite_size": Builtin("qspin.studies.finite_size:FiniteSize"),
    "training": Builtin("qspin.studies.training:Training"),
    "measured": Builtin("qspin.studies.measured:Measured"),
    "quench": Builtin("qspin.studies.quench:Quench"),
}

EXECUTORS = {
    "auto": Builtin("qspin.engine.auto:Auto"),
    "in_process": Builtin("qspin.engine.in_process:InProcess"),
    "processes": Builtin("qspin.engine.processes.executor:Processes"),
    "dask": Builtin("qspin.engine.dask.executor:Dask", module="distributed", extra="dask"),
}
