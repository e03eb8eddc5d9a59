"""What theory predicts, in datasets shaped like measured curves. Every formula has source and range."""

from qspin.theory.bipartite import effective_rank, rbm_phase_diagram, rbm_phases, rbm_transitions
from qspin.theory.cavity import cavity, cavity_transition
from qspin.theory.crossings import kibble_zurek_kinks, landau_zener
from qspin.theory.hopfield import (
    hopfield,
    hopfield_capacity,
    hopfield_phase_diagram,
    hopfield_transitions,
)
from qspin.theory.ising_p_spin import p_spin_ising, p_spin_ising_transitions
from qspin.theory.layered import hidden_order, tap_transition
from qspin.theory.memories import dense_memory, log_sum_exp_memory, pseudo_inverse_memory
from qspin.theory.one_instance import belief_propagation, mean_field, tap, tap_solutions
from qspin.theory.parisi import parisi
from qspin.theory.perceptron_decimation import decimated_perceptron
from qspin.theory.perceptrons import perceptron_capacity, symmetric_perceptron_capacity, teacher_student
from qspin.theory.random_energy import random_energy
from qspin.theory.random_matrices import largest_eigenvalue, marchenko_pastur, spiked_eigenvalue, tracy_widom
from qspin.theory.regression import linear_double_descent, random_feature_double_descent
from qspin.theory.regular_glass import regular_glass
from qspin.theory.ring_dynamics import ring_kinks, ring_quench
from qspin.theory.sherrington_kirkpatrick import almeida_thouless, almeida_thouless_field, sk, sk_energy
from qspin.theory.spherical import p_spin_spherical
from qspin.theory.square_lattice import square_lattice
from qspin.theory.transverse_glass import transverse_glass, transverse_glass_transition
from qspin.theory.transverse_ring import transverse_ring

__all__ = [
    "almeida_thouless",
    "almeida_thouless_field",
    "belief_propagation",
    "cavity",
    "cavity_transition",
    "decimated_perceptron",
    "dense_memory",
    "effective_rank",
    "hidden_order",
    "hopfield",
    "hopfield_capacity",
    "hopfield_phase_diagram",
    "hopfield_transitions",
    "kibble_zurek_kinks",
    "landau_zener",
    "largest_eigenvalue",
    "linear_double_descent",
    "log_sum_exp_memory",
    "marchenko_pastur",
    "mean_field",
    "p_spin_ising",
    "p_spin_ising_transitions",
    "p_spin_spherical",
    "parisi",
    "perceptron_capacity",
    "pseudo_inverse_memory",
    "random_energy",
    "random_feature_double_descent",
    "rbm_phase_diagram",
    "rbm_phases",
    "rbm_transitions",
    "regular_glass",
    "ring_kinks",
    "ring_quench",
    "sk",
    "sk_energy",
    "spiked_eigenvalue",
    "square_lattice",
    "symmetric_perceptron_capacity",
    "tap",
    "tap_solutions",
    "tap_transition",
    "teacher_student",
    "tracy_widom",
    "transverse_glass",
    "transverse_glass_transition",
    "transverse_ring",
]
