# frozen_string_literal: true

require_relative 'helper'

# The whole evaluations of tests/fixtures, served by an emulator (localhost mode would repair the definitions). Labels
# and change numbers are those that a listener gets.
class TestConformance < Case
  SCENARIOS = JSON.parse(File.read(File.join(ROOT, 'tests/fixtures/evaluation_scenarios.json')))

  @cases = 0
  class << self
    attr_accessor :cases
  end

  SCENARIOS.each_with_index do |scenario, index|
    define_method(format('test_%<index>02d_%<name>s', index:, name: scenario['name'].gsub(/\W+/, '_'))) do
      check(scenario)
    end
  end

  # By files: one by one the emulator would give flags of the same number other ones.
  def serving(scenario, &)
    Dir.mktmpdir do |directory|
      flags = { d: scenario['flags'], s: -1, t: 1000 }
      segments = { d: scenario['rule_based_segments'] || [], s: -1, t: 1000 }
      file = File.join(directory, 'flags.json')
      File.write(file, JSON.generate(ff: flags, rbs: segments))
      Dir.mkdir(members = File.join(directory, 'segments'))
      (scenario['segments'] || {}).each do |name, keys|
        File.write(File.join(members, "#{name}.json"), JSON.generate(name:, added: keys, till: 1))
      end
      Backend.running('--file', file, '--segments', members, &)
    end
  end

  def options(scenario)
    fallback = scenario['fallback'] or return {}
    { fallback_treatments: { global: fallback['global'], byFlag: fallback['by_flag'] }.compact }
  end

  def check(scenario)
    serving(scenario) do |backend|
      listener = Helper::Listener.new
      client = standalone(backend, impression_listener: listener, **options(scenario)).client
      check_cases(scenario, client, listener)
      client.destroy
      assert_empty listener.seen, 'an impression that should not be'
    end
  end

  def check_cases(scenario, client, listener)
    scenario['cases'].each do |one|
      key = one['bucketing_key'] ? { matching_key: one['key'], bucketing_key: one['bucketing_key'] } : one['key']
      expected = one['expected']
      said = client.get_treatment_with_config(key, one['flag'], one['attributes'])
      assert_equal [expected['treatment'], expected['config']], said.values_at(:treatment, :config), one.inspect
      assert_equal expected['treatment'], client.get_treatment(key, one['flag'], one['attributes']), one.inspect
      many = client.get_treatments(key, [one['flag']], one['attributes'])
      assert_equal({ one['flag'].to_sym => expected['treatment'] }, many, one.inspect)
      check_impressions(listener, one) if expected['impression']
      TestConformance.cases += 1
    end
  end

  # One for each of the three calls.
  def check_impressions(listener, one)
    expected = one['expected'].merge('change_number' => one['expected']['change_number'] || -1)
    listener.take(3).each do |impression|
      assert_equal one['flag'], impression[:split_name]
      assert_equal expected.values_at('treatment', 'label', 'change_number'),
                   impression[:treatment].values_at(:treatment, :label, :change_number), one.inspect
    end
  end
end
