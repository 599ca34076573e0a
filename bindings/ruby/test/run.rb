# frozen_string_literal: true

# Runs the suites that are named, or all. Not by minitest/autorun: that runs tests inside of an `at_exit`, where forked
# children have lost those that were there before.
require_relative 'helper'

names, options = ARGV.partition { |argument| argument.end_with?('.rb') }
names = Dir[File.join(__dir__, 'test_*.rb')] if names.empty?
names.each { |name| require File.expand_path(name) }
good = Minitest.run(options)
puts "conformance: #{TestConformance.cases} cases" if defined?(TestConformance)
exit good
