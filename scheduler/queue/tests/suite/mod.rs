//! The contract's sentences as tests, for any queue: `contract!(make)` makes a test of each, where
//! `make` gives a fresh [`Harness`].

pub(crate) mod choice;
pub(crate) mod commands;
pub(crate) mod forget;
pub(crate) mod gates;
pub(crate) mod leases;
pub(crate) mod retries;
pub(crate) mod shares;
pub(crate) mod stories;
pub(crate) mod sums;
pub(crate) mod workers;
pub(crate) mod world;

use std::sync::Arc;

use queue::Queue;

/// One empty queue under test, and its time.
pub(crate) trait Harness: Send + Sync {
    /// A connection to the queue; every call opens another, as another process would.
    fn connect(&self) -> Arc<dyn Queue>;
    /// Lets the queue's clock go on by so many milliseconds.
    fn pass(&self, ms: u64);
    /// Checks what the queue keeps besides its lines, e.g. counters, against the lines themselves.
    fn audit(&self);
}

/// Makes a test of every sentence.
#[macro_export]
macro_rules! contract {
    ($make:path: $($module:ident { $($rule:ident)* })*) => {
        $(mod $module { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::suite::$module::$rule(&$make()).await;
            }
        )* })*
    };
    ($make:path) => {
        $crate::contract! { $make:
            leases {
                a_batch_says_all_that_a_worker_needs
                a_trace_goes_with_the_lines_whoever_has_them
                a_late_report_is_refused_and_changes_nothing
                a_line_is_settled_once
                a_renewed_lease_holds
                an_ended_lease_charges_only_what_was_started
                a_line_that_kills_its_workers_is_given_up_on
                starting_twice_under_a_lease_charges_once
                a_released_lease_costs_nothing
                a_lease_ends_with_its_last_line
                whatever_comes_first_after_the_end_finds_the_lease_ended
                a_lease_lasts_as_long_as_was_asked_for
                a_released_lease_is_lost_and_gives_no_attempt_back_twice
                a_silent_worker_is_told_of_and_its_line_left_to_others
                many_connections_settle_every_line_once
            }
            retries {
                a_retry_waits_out_a_doubling_back_off
                a_line_out_of_attempts_is_given_up_on
                a_rejected_line_is_final_at_once
                a_line_whose_worker_quits_is_uncharged
                a_line_goes_to_another_worker_while_one_is_alive
                a_line_that_failed_everywhere_goes_to_anyone
                a_line_is_not_left_to_a_worker_that_cannot_speak_it
                what_failed_in_one_stage_or_before_a_retry_is_forgotten
            }
            choice {
                priority_decides_before_all_else
                a_warm_group_goes_before_a_larger_one
                a_group_that_another_holds_goes_last
                a_group_that_two_others_hold_is_held_too
                a_group_passed_over_for_a_minute_goes_first
                a_worker_gets_only_what_it_can_speak
                a_tagged_submission_is_spoken_where_its_tag_is
                a_batch_keeps_to_its_bounds_shortest_first
                among_equals_the_older_submission_and_the_script_decide
                only_others_speaking_a_group_makes_it_held
                a_group_that_another_masters_is_not_held
                a_group_without_a_line_for_the_worker_is_passed_by
                a_group_is_passed_over_from_when_it_last_had_nothing
                a_pause_does_not_count_as_being_passed_over
            }
            gates {
                a_voice_is_mastered_once_all_of_it_is_spoken
                lines_with_takes_are_only_mastered
                failed_and_cancelled_lines_do_not_hold_their_voice
                a_line_to_be_spoken_again_holds_its_voice_again
                a_gate_that_opens_again_is_told_again
                takes_come_in_script_order
                a_line_given_up_on_for_its_silence_opens_the_gate
                whatever_state_it_was_mastered_in_it_is_held_again
                a_take_counts_for_its_voice_whatever_became_of_its_line
            }
            commands {
                the_same_submission_again_adds_nothing
                the_same_submission_again_revives_what_failed
                a_newer_submission_replaces_an_older_one
                an_older_submission_can_come_back
                a_cancelled_line_is_refused_and_named_by_the_renewal
                a_paused_submission_hands_nothing_out
                a_selection_selects
                an_unknown_submission_is_named
                a_submission_that_contradicts_itself_adds_nothing
                events_tell_what_happened_in_order
                workers_are_listed_for_an_hour
                a_cancel_takes_held_and_delayed_lines_and_ends_the_lease
                a_submission_is_cancelled_only_as_a_whole
                a_replaced_line_says_by_what
                progress_says_when_a_line_last_changed
                a_worker_that_only_asks_stays_alive
            }
            forget {
                a_forgotten_submission_leaves_nothing_behind
                a_submission_with_open_lines_is_not_forgotten
                a_forgotten_submission_can_be_submitted_anew
                a_submission_whose_last_line_just_ran_out_can_be_forgotten
            }
            shares {
                what_is_under_lease_goes_by_the_shares
                a_warm_voice_is_no_way_past_the_shares
                a_starved_submission_goes_first_after_a_minute
                mastering_goes_by_the_shares_too
                a_group_has_one_engine
            }
            workers {
                a_report_is_shown_for_an_hour
                a_name_is_for_one_process_at_a_time
                a_goodbye_frees_the_name_and_the_lines
                a_worker_ordered_to_drain_is_handed_nothing
                an_order_ends_with_the_process_it_was_for
                an_order_to_an_unknown_worker_names_those_known
                no_line_is_left_to_a_worker_that_drains
                a_claim_for_mastering_only_does_not_unlearn_an_engine
                what_is_final_for_long_is_forgotten
            }
            stories {
                a_line_has_its_story
                a_story_says_what_held_the_line_up
                a_story_ends_with_its_submission_and_no_failure_makes_it_long
                work_is_counted_by_the_hour
                leases_at_once_are_counted_once_and_a_silent_worker_up_to_their_end
                only_what_was_rendered_counts_as_work
                work_is_forgotten_after_36_days
            }
            sums {
                progress_is_the_sum_of_the_lines_after_anything
            }
        }
    };
}
